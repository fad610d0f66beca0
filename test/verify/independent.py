"""A second verifier of receipts, in another language, for the tests: Python's standard library only, and nothing of ours.

usage: python3 independent.py RECEIPT [VKEY...]      prints the exit code that it would give: 0, 1, 2 or 3
       python3 independent.py --batch < lines        answers a code a line. A line is JSON: {"receipt": text, "vkeys": [...]}, and perhaps
                                                     "witnesses": [vkey...], "policy": text, "certs": [PEM...]
       python3 independent.py --vectors < lines      answers a JSON value a line, null for an error. A line is JSON: [question, argument...]; see VECTORS
"""

import base64
import hashlib
import hmac
import json
import re
import sys
import time
from datetime import datetime, timezone

# ---- Ed25519 (RFC 8032 5.1), verification only

P = 2**255 - 19
L = 2**252 + 27742317777372353535851937790883648493
D = -121665 * pow(121666, P - 2, P) % P
ROOT_OF_MINUS_ONE = pow(2, (P - 1) // 4, P)


def recover_x(y, sign):
    if y >= P:
        return None
    square = (y * y - 1) * pow(D * y * y + 1, P - 2, P) % P
    if square == 0:
        return None if sign else 0
    x = pow(square, (P + 3) // 8, P)
    if (x * x - square) % P != 0:
        x = x * ROOT_OF_MINUS_ONE % P
    if (x * x - square) % P != 0:
        return None
    return P - x if (x & 1) != sign else x


def decode_point(data):
    y = int.from_bytes(data, "little")
    sign = y >> 255
    y &= (1 << 255) - 1
    x = recover_x(y, sign)
    return None if x is None else (x, y, 1, x * y % P)


def add(a, b):
    e = (a[1] - a[0]) * (b[1] - b[0]) % P
    f = (a[1] + a[0]) * (b[1] + b[0]) % P
    g = 2 * a[3] * b[3] * D % P
    h = 2 * a[2] * b[2] % P
    i, j, k, m = f - e, h - g, h + g, f + e
    return (i * j % P, k * m % P, j * k % P, i * m % P)


def times(scalar, point):
    result = (0, 1, 1, 0)
    while scalar > 0:
        if scalar & 1:
            result = add(result, point)
        point = add(point, point)
        scalar >>= 1
    return result


def same(a, b):
    return (a[0] * b[2] - b[0] * a[2]) % P == 0 and (a[1] * b[2] - b[1] * a[2]) % P == 0


BASE_Y = 4 * pow(5, P - 2, P) % P
BASE_X = recover_x(BASE_Y, 0)
BASE = (BASE_X, BASE_Y, 1, BASE_X * BASE_Y % P)


def ed25519(key, message, signature):
    if len(key) != 32 or len(signature) != 64:
        return False
    a, r = decode_point(key), decode_point(signature[:32])
    s = int.from_bytes(signature[32:], "little")
    if a is None or r is None or s >= L:
        return False
    h = int.from_bytes(hashlib.sha512(signature[:32] + key + message).digest(), "little") % L
    return same(times(s, BASE), add(r, times(h, a)))


class Wrong(Exception):
    pass


def need(condition):
    if not condition:
        raise Wrong


# ---- DER, certificates, and their signatures: RSA with PKCS #1 v1.5, ECDSA


class Der:
    """One element: definite length, in its shortest form."""

    def __init__(self, data, at=0):
        need(len(data) - at >= 2)
        self.tag, length, start = data[at], data[at + 1], at + 2
        if length >= 0x80:
            more = length & 0x7F
            need(1 <= more <= 4 and len(data) >= start + more and data[start] != 0)
            length, start = int.from_bytes(data[start : start + more], "big"), start + more
            need(length >= 0x80)
        self.end = start + length
        need(self.end <= len(data))
        self.body, self.whole = data[start : self.end], data[at : self.end]

    @staticmethod
    def only(data):
        element = Der(data)
        need(element.end == len(data))
        return element

    def parts(self):
        found, at = [], 0
        while at < len(self.body):
            found.append(Der(self.body, at))
            at = found[-1].end
        return found

    def shaped(self, tag, *tags):
        parts = self.parts()
        need(self.tag == tag and [part.tag for part in parts] == list(tags))
        return parts

    def algorithm(self):
        """Its name, when it has no parameters."""
        name, *parameters = self.parts()
        need(self.tag == 0x30 and b"".join(one.whole for one in parameters) in (b"", b"\x05\0"))
        return name.oid()

    def number(self):
        return int.from_bytes(self.body, "big")

    def oid(self):
        if self.tag != 6:
            return ""
        arcs, value = [], 0
        for byte in self.body:
            value = value << 7 | byte & 0x7F
            if byte < 0x80:
                arcs.append(value)
                value = 0
        top = min(2, arcs[0] // 40)
        return ".".join(map(str, [top, arcs[0] - 40 * top] + arcs[1:]))


SHA2 = "2.16.840.1.101.3.4.2."
HASHES = {SHA2 + "1": hashlib.sha256, SHA2 + "2": hashlib.sha384, SHA2 + "3": hashlib.sha512}
SIGNED_WITH = {"1.2.840.113549.1.1.1": None}
for last, name in enumerate(("sha256", "sha384", "sha512")):
    SIGNED_WITH[f"1.2.840.113549.1.1.{11 + last}"] = SIGNED_WITH[f"1.2.840.10045.4.3.{2 + last}"] = getattr(hashlib, name)


class Curve:
    """y^2 = x^3 - 3x + b over the integers modulo p; a base point of order n. SEC 2."""

    def __init__(self, p, b, n, base):
        self.p, self.b, self.n, self.base = p, b, n, base

    def has(self, point):
        x, y = point
        return max(x, y) < self.p and (y * y - x * x * x + 3 * x - self.b) % self.p == 0

    def add(self, one, two):
        if one is None or two is None:
            return one or two
        (x1, y1), (x2, y2) = one, two
        if x1 == x2 and (y1 + y2) % self.p == 0:
            return None
        rise, run = (3 * x1 * x1 - 3, 2 * y1) if one == two else (y2 - y1, x2 - x1)
        slope = rise * pow(run, -1, self.p) % self.p
        x3 = (slope * slope - x1 - x2) % self.p
        return x3, (slope * (x1 - x3) - y1) % self.p

    def times(self, scalar, point):
        result = None
        for bit in bin(scalar)[2:]:
            result = self.add(result, result)
            if bit == "1":
                result = self.add(result, point)
        return result


P256 = 2**256 - 2**224 + 2**192 + 2**96 - 1
P384 = 2**384 - 2**128 - 2**96 + 2**32 - 1
CURVES = {
    "1.2.840.10045.3.1.7": Curve(
        P256,
        0x5AC635D8AA3A93E7B3EBBD55769886BC651D06B0CC53B0F63BCE3C3E27D2604B,
        0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551,
        (
            0x6B17D1F2E12C4247F8BCE6E563A440F277037D812DEB33A0F4A13945D898C296,
            0x4FE342E2FE1A7F9B8EE7EB4A7C0F9E162BCE33576B315ECECBB6406837BF51F5,
        ),
    ),
    "1.3.132.0.34": Curve(
        P384,
        0xB3312FA7E23EE7E4988E056BE3F82D19181D9C6EFE8141120314088F5013875AC656398D8A2ED19D2A85C8EDD3EC2AEF,
        0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFC7634D81F4372DDF581A0DB248B0A77AECEC196ACCC52973,
        (
            0xAA87CA22BE8B05378EB1C71EF320AD746E1D3B628BA79B9859F741E082542A385502F25DBF55296C3A545E3872760AB7,
            0x3617DE4A96262C6F5D9E98BF9292DC29F8F41DBD289A147CE9DA3113B5F0B8C00A60B1CE1D7E819D7A431D7C90EA0E5F,
        ),
    ),
}


def is_signed(key_info, new_hash, message, signature):
    algorithm, bits = key_info.parts()
    kind, key, digest = algorithm.parts()[0].oid(), bits.body[1:], new_hash(message)
    if kind == "1.2.840.113549.1.1.1":
        return rsa(key, digest, signature)
    return kind == "1.2.840.10045.2.1" and ecdsa(CURVES.get(algorithm.parts()[1].oid()), key, digest, signature)


def rsa(key, digest, signature):
    n, e = (part.number() for part in Der.only(key).parts())
    width = (n.bit_length() + 7) // 8
    if n.bit_length() <= 2000 or len(signature) != width or int.from_bytes(signature, "big") >= n:
        return False
    # RFC 8017 9.2: the prefix names the hash, of which only a number and the lengths change.
    name = {32: 1, 48: 2, 64: 3}[digest.digest_size]
    oid = bytes.fromhex("06096086480165030402") + bytes([name])
    inner = b"\x30\x0d" + oid + b"\x05\x00\x04" + bytes([digest.digest_size]) + digest.digest()
    info = b"\x30" + bytes([len(inner)]) + inner
    padded = b"\0\1" + b"\xff" * (width - 3 - len(info)) + b"\0" + info
    return pow(int.from_bytes(signature, "big"), e, n).to_bytes(width, "big") == padded


def ecdsa(curve, key, digest, signature):
    if curve is None or key[:1] != b"\4":
        return False
    half = (len(key) - 1) // 2
    point = int.from_bytes(key[1 : 1 + half], "big"), int.from_bytes(key[1 + half :], "big")
    r, s = (part.number() for part in Der.only(signature).parts())
    if not (curve.has(point) and 0 < r < curve.n and 0 < s < curve.n):
        return False
    z = int.from_bytes(digest.digest(), "big") >> max(0, 8 * digest.digest_size - curve.n.bit_length())
    inverse = pow(s, -1, curve.n)
    found = curve.add(curve.times(z * inverse % curve.n, curve.base), curve.times(r * inverse % curve.n, point))
    return found is not None and found[0] % curve.n == r


def der_time(part):
    text = part.body.decode("ascii")
    found = re.fullmatch(r"(\d\d)?(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)(?:\.(\d{1,9}))?Z", text)
    need(found)
    century = found[1] or ("20" if int(found[2]) < 50 else "19")
    moment = datetime(*map(int, (century + found[2],) + found.groups()[2:7]), tzinfo=timezone.utc)
    return round(moment.timestamp() * 1000) + int((found[8] or "0").ljust(3, "0")[:3])


class Certificate:
    def __init__(self, data):
        tbs, algorithm, signature = Der.only(data).parts()
        fields = tbs.parts()
        first = 1 if fields[0].tag == 0xA0 else 0
        self.serial, _, self.issuer, validity, self.subject, self.key = fields[first : first + 6]
        self.data, self.tbs, self.signature = data, tbs.whole, signature.body[1:]
        self.hash = SIGNED_WITH.get(algorithm.parts()[0].oid())
        self.since, self.until = map(der_time, validity.parts())
        lists = [field.parts()[0].parts() for field in fields if field.tag == 0xA3]
        self.extensions = {one.parts()[0].oid(): one.parts()[1:] for one in (lists or [[]])[0]}

    def holds_at(self, at):
        return self.since <= at <= self.until

    def is_authority(self):
        basic = self.extensions.get("2.5.29.19")
        inner = Der.only(basic[-1].body).parts() if basic else []
        return bool(inner) and inner[0].tag == 1 and inner[0].body == b"\xff"

    def is_for_time_alone(self):
        usage = self.extensions.get("2.5.29.37", [])
        if len(usage) != 2 or usage[0].body != b"\xff":
            return False
        return [use.oid() for use in Der.only(usage[1].body).parts()] == ["1.3.6.1.5.5.7.3.8"]

    def is_issued_by(self, other, at):
        if not (other.is_authority() and other.holds_at(at) and self.issuer.whole == other.subject.whole and self.hash):
            return False
        return is_signed(other.key, self.hash, self.tbs, self.signature)

    def leads_to(self, roots, others, at, steps=8):
        if any(root.data == self.data for root in roots) or any(self.is_issued_by(root, at) for root in roots):
            return True
        above = [one for one in others if one.data != self.data and self.is_issued_by(one, at)]
        return steps > 1 and any(one.leads_to(roots, others, at, steps - 1) for one in above[:1])


# ---- RFC 3161 time stamps

CMS = "1.2.840.113549.1."


def open_token(data, text, roots):
    """Its time, and whether it is under one of these certificates."""
    kind, content = Der.only(data).shaped(0x30, 0x06, 0xA0)
    (signed,) = content.shaped(0xA0, 0x30)
    # What is around the signature is signed by nobody: each part stands where it must, and nothing beside.
    version, digests, inner, certificates, signers = signed.shaped(0x30, 0x02, 0x31, 0x30, 0xA0, 0x31)
    info_kind, wrapped = inner.shaped(0x30, 0x06, 0xA0)
    need(kind.oid() == CMS + "7.2" and info_kind.oid() == CMS + "9.16.1.4" and version.body == b"\3")
    info = wrapped.shaped(0xA0, 0x04)[0].body
    others = [Certificate(one.whole) for one in certificates.parts()]
    signer = signers.shaped(0x31, 0x30)[0].shaped(0x30, 0x02, 0x30, 0x30, 0xA0, 0x30, 0x04)
    need(digests.shaped(0x31, 0x30)[0].algorithm() == signer[2].algorithm())
    certificate = check_signer(signer, info, others)
    imprint, moment = Der.only(info).parts()[2], Der.only(info).parts()[4]
    algorithm, digest = imprint.parts()
    need(HASHES[algorithm.parts()[0].oid()](text.encode()).digest() == digest.body and moment.tag == 0x18)
    at = der_time(moment)
    need(certificate.is_for_time_alone() and certificate.holds_at(at))
    return at, certificate.leads_to(roots, others, at)


def check_signer(parts, info, certificates):
    version, issuer, digest_algorithm, attributes, algorithm, signature = parts
    new_hash = HASHES[digest_algorithm.algorithm()]
    named = SIGNED_WITH[algorithm.algorithm()]
    values = {one.parts()[0].oid(): one.parts()[1].parts() for one in attributes.parts()}
    (kind,), (digest,) = values[CMS + "9.3"], values[CMS + "9.4"]
    need(kind.oid() == CMS + "9.16.1.4" and digest.body == new_hash(info).digest())
    (certificate,) = [one for one in certificates if is_named(one, values)][:1]
    need(version.body == b"\1" and issuer.body == certificate.issuer.whole + certificate.serial.whole)
    message = b"\x31" + attributes.whole[1:]
    need(is_signed(certificate.key, named or new_hash, message, signature.body))
    return certificate


def is_named(certificate, values):
    newer, older = values.get(CMS + "9.16.2.47"), values.get(CMS + "9.16.2.12")
    (value,) = newer or older
    parts = value.parts()[0].parts()[0].parts()
    new_hash = hashlib.sha256 if newer else hashlib.sha1
    if newer and parts[0].tag == 0x30:
        new_hash = HASHES[parts.pop(0).parts()[0].oid()]
    return parts[0].body == new_hash(certificate.data).digest()


# ---- What a receipt is made of


def unbase64(text):
    try:
        data = base64.b64decode(text, validate=True)
    except Exception:
        raise Wrong
    need(base64.b64encode(data).decode() == text)
    return data


def canonical(value):
    if isinstance(value, dict):
        names = sorted(value, key=lambda name: name.encode("utf-16-be"))
        return "{" + ",".join(quote(name) + ":" + canonical(value[name]) for name in names) + "}"
    if isinstance(value, list):
        return "[" + ",".join(canonical(each) for each in value) + "]"
    if isinstance(value, str):
        return quote(value)
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    need(isinstance(value, int))
    return str(value)


def quote(text):
    return json.dumps(text, ensure_ascii=False)


def tagged(key, tag, message):
    return hmac.new(key, tag.encode() + b"\0" + message.encode(), hashlib.sha256).digest()


def sha256(data):
    return hashlib.sha256(data).digest()


def time_of(text):
    need(isinstance(text, str) and re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", text))
    try:
        moment = datetime.strptime(text, "%Y-%m-%dT%H:%M:%S.%fZ").replace(tzinfo=timezone.utc)
    except ValueError:
        raise Wrong
    return round(moment.timestamp() * 1000)


def parse_vkey(text, kind=1):
    name, _, rest = text.partition("+")
    key_id, _, encoded = rest.partition("+")
    data = unbase64(encoded)
    need(name and not re.search(r"[\s+]", name) and len(data) == 33 and data[0] == kind)
    need(sha256(name.encode() + b"\n" + data)[:4].hex() == key_id)
    return name, bytes.fromhex(key_id), data[1:]


def open_note(note, origin, trust):
    """Size, root, and the keys of the log and the names of trusted witnesses that signed."""
    body, mark, signatures = note.rpartition("\n\n")
    need(mark and signatures.endswith("\n"))
    body += "\n"
    lines = body.split("\n")
    need(len(lines) == 4 and lines[0] == origin and number_of(lines[1]) is not None)
    root = unbase64(lines[2])
    need(len(root) == 32)
    logs, witnesses = [], set()
    for line in signatures[:-1].split("\n"):
        dash, name, encoded = line.split(" ")
        data = unbase64(encoded)
        need(dash == "\u2014" and name and len(data) >= 5)
        for key in trust.logs:
            if (name, data[:4]) == key[:2]:
                need(ed25519(key[2], body.encode(), data[4:]))
                logs.append(key)
        for key in trust.witnesses + trust.named:
            if (name, data[:4]) == key[:2]:
                need(len(data) == 76)
                seen = int.from_bytes(data[4:12], "big")
                need(ed25519(key[2], f"cosignature/v1\ntime {seen}\n{body}".encode(), data[12:]))
                witnesses |= {name} if key in trust.witnesses else set()
    need(logs)
    return int(lines[1]), root, logs, witnesses


def number_of(text):
    return int(text) if re.fullmatch(r"0|[1-9][0-9]{0,15}", text) and int(text) < 2**53 else None


def parse_proof(text):
    """Extra (or None), index, path, note."""
    head, mark, note = text.partition("\n\n")
    lines = head.split("\n")
    need(mark and lines.pop(0) == "c2sp.org/tlog-proof@v1" and lines)
    extra = unbase64(lines.pop(0)[6:]) if lines[0].startswith("extra ") else None
    need(lines and lines[0].startswith("index ") and number_of(lines[0][6:]) is not None)
    path = [unbase64(line) for line in lines[1:]]
    need(len(path) <= 64 and all(len(one) == 32 for one in path))
    return extra, number_of(lines[0][6:]), path, note


def read_policy(text):
    """c2sp tlog-policy: keys of logs, keys of witnesses, and what a set of names must satisfy (or None)."""
    logs, witnesses, known, quorum = [], [], {}, None
    for line in text.split("\n"):
        words = re.sub(r"#.*", "", line).split()
        if not words:
            continue
        word, name, rest = words[0], words[1] if len(words) > 1 else "", words[2:]
        is_new = name not in ("", "none") and name not in known
        if word == "log":
            logs.append(parse_vkey(name))
        elif word == "witness" and is_new and len(rest) in (1, 2):
            key = parse_vkey(rest[0], 4)
            witnesses.append(key)
            known[name] = lambda names, key=key: key[0] in names
        elif word == "group" and is_new and len(rest) > 1:
            members = [known[member] for member in rest[1:]]
            count = {"all": len(members), "any": 1}.get(rest[0]) or number_of(rest[0]) or 0
            need(len(set(rest[1:])) == len(members) and 1 <= count <= len(members))
            known[name] = lambda names, members=members, count=count: sum(one(names) for one in members) >= count
        elif word == "quorum" and quorum is None and not rest:
            need(name == "none" or name in known)
            quorum = name
        else:
            raise Wrong
    need(quorum is not None)
    return logs, witnesses, known.get(quorum)


def root_of_path(index, size, leaf, path):
    """RFC 6962 2.1.1 upside down: recursively, as the tree is defined. Also every perfect subtree on the way."""
    nodes = {(index, index + 1): leaf}

    def climb(start, end, path):
        if end - start == 1:
            need(not path)
            return leaf
        need(path)
        split = 1
        while split * 2 < end - start:
            split *= 2
        middle, last = start + split, path[-1]
        if index < middle:
            left, right = climb(start, middle, path[:-1]), last
        else:
            left, right = last, climb(middle, end, path[:-1])
        result = sha256(b"\1" + left + right)
        for at, to, value in ((start, middle, left), (middle, end, right), (start, end, result)):
            if is_power(to - at):
                nodes[(at, to)] = value
        return result

    need(index < size)
    return climb(0, size, path), nodes


def is_power(count):
    return count & (count - 1) == 0


# ---- The verdict


def verify(case):
    answers = Answers()
    try:
        need(len(case["receipt"].encode()) <= 20 * 2**20)
        hooks = {"parse_float": refuse, "parse_constant": refuse, "parse_int": whole}
        check(json.loads(case["receipt"], object_pairs_hook=once, **hooks), case, answers)
    except (Wrong, ValueError, KeyError, TypeError, AttributeError, IndexError, RecursionError):
        answers.no()
    return answers.code()


def once(pairs):
    found = dict(pairs)
    need(len(found) == len(pairs))
    return found


def refuse(_):
    raise Wrong


def whole(text):
    need(text != "-0" and abs(int(text)) < 2**53)
    return int(text)


class Answers:
    def __init__(self):
        self.wrong = self.missing = self.fork = False

    def no(self):
        self.wrong = True

    def unless(self, condition):
        if not condition:
            self.wrong = True

    def code(self):
        return 3 if self.fork else 1 if self.wrong else 2 if self.missing else 0


class Trust:
    """Keys and certificates that count, some of which only the receipt brings along."""

    def __init__(self, case, receipt, answers):
        self.pinned, self.witnesses, self.quorum, self.roots = [], [], None, []
        self.origin = receipt["log"]["origin"]
        for vkey in case.get("vkeys", []):
            answers.missing |= not self.attempt(lambda: self.pinned.append(parse_vkey(vkey)))
        for vkey in case.get("witnesses", []):
            answers.missing |= not self.attempt(lambda: self.witnesses.append(parse_vkey(vkey, 4)))
        if case.get("policy") is not None:
            answers.missing |= not self.attempt(lambda: self.take(*read_policy(case["policy"])))
        for pem in case.get("certs", []):
            for body in re.findall("-----BEGIN CERTIFICATE-----([^-]+)-----END CERTIFICATE-----", pem) or [""]:
                good = self.attempt(lambda: self.roots.append(Certificate(base64.b64decode(body))))
                answers.missing |= not good
        brought = [parse_vkey(key) for key in [receipt["log"]["vkey"]] + receipt["log"].get("former_vkeys", [])]
        need(all(key[0] == self.origin for key in brought))
        self.pinned = [key for key in self.pinned if key[0] == self.origin]
        answers.missing |= brought[0] not in self.pinned
        self.logs = self.pinned + [key for key in brought if key not in self.pinned]
        self.named = []
        if receipt["policy"] is not None:
            self.attempt(lambda: self.named.extend(read_policy(receipt["policy"])[1]))
        self.named = [key for key in self.named if key not in self.witnesses]

    def attempt(self, work):
        try:
            work()
            return True
        except (Wrong, ValueError, KeyError, IndexError, TypeError):
            return False

    def take(self, logs, witnesses, quorum):
        self.pinned += logs
        self.witnesses += witnesses
        self.quorum = quorum


class Tree:
    """All that the checkpoints of one receipt say: it must be one tree."""

    def __init__(self, trust, answers):
        self.trust, self.answers, self.roots, self.parts = trust, answers, {}, {}

    def open(self, note):
        size, root, logs, witnesses = open_note(note, self.trust.origin, self.trust)
        if self.roots.setdefault(size, root) != root:
            self.answers.fork = True
        return size, root, logs, witnesses

    def place(self, index, leaf, path, note):
        """Size and witnesses of a checkpoint that holds this leaf; whether under a pinned key."""
        size, root, logs, witnesses = self.open(note)
        found, nodes = root_of_path(index, size, leaf, path)
        need(found == root)
        if any(self.parts.setdefault(place, value) != value for place, value in nodes.items()):
            self.answers.fork = True
        return size, witnesses, any(key in self.trust.pinned for key in logs)


KNOWN = {
    "receipt": "format number issued_at claim log anchors policy list organisation events texts limits".split(),
    "log": "origin vkey former_vkeys".split(),
    "event": "kind record fields proof later".split(),
    "field": "salt value".split(),
    "anchors": "interval stamps".split(),
    "stamp": "checkpoint tokens".split(),
    "token": "authority token".split(),
}


def check(receipt, case, answers):
    need(receipt["format"] == "zgoda-receipt/v1" and receipt["claim"] in ("consent", "withdrawal"))
    time_of(receipt["issued_at"])
    need(isinstance(receipt["number"], str) and isinstance(receipt["policy"], (str, type(None))))
    events, stamps = receipt["events"], receipt["anchors"]["stamps"]
    need(isinstance(events, list) and 1 <= len(events) <= 1000 and isinstance(stamps, list) and len(stamps) <= 20)
    interval = read_interval(receipt["anchors"]["interval"])
    strange = [("receipt", receipt), ("log", receipt["log"]), ("anchors", receipt["anchors"])]
    strange += [("event", event) for event in events] + [("stamp", stamp) for stamp in stamps]
    strange += [("field", field) for event in events for field in event["fields"].values()]
    strange += [("token", token) for stamp in stamps for token in stamp["tokens"]]
    answers.missing |= any(set(value) - set(KNOWN[kind]) for kind, value in strange)
    trust = Trust(case, receipt, answers)
    tree = Tree(trust, answers)
    done = [check_event(event, tree, answers) for event in events]
    check_together(receipt, done, answers)
    if trust.quorum is not None:
        answers.missing |= not all(trust.quorum(event["witnesses"]) for event in done)
    check_times(stamps, interval, done, tree, answers)


def check_event(event, tree, answers):
    record = event["record"]
    need(record["kind"] == event["kind"])
    time_of(record["happened_at"])
    answers.missing |= record.get("schema_version") != 1
    opening, index, path, note = parse_proof(event["proof"])
    need(opening is not None and len(opening) == 32)
    commitment = tagged(opening, "consentlog/commit/v1", canonical(record))
    leaf = sha256(b"\0consentlog/v1 event\n" + base64.b64encode(commitment) + b"\n")
    size, witnesses, is_pinned = tree.place(index, leaf, path, note)
    answers.missing |= not is_pinned
    sizes, later = {size}, event.get("later", [])
    need(isinstance(later, list) and len(later) <= 8)
    for text in later:
        extra, same, path, note = parse_proof(text)
        need(extra is None and same == index)
        more, others, _ = tree.place(index, leaf, path, note)
        sizes.add(more)
        witnesses = witnesses | others
    for name, disclosed in event["fields"].items():
        salt = unbase64(disclosed["salt"])
        given = base64.b64encode(tagged(salt, "consentlog/field/v1", name + "\0" + disclosed["value"])).decode()
        answers.unless(len(salt) == 32 and "\0" not in name and record.get("fields", {}).get(name) == given)
        if name == "reply":
            # A letter for each byte of the answer that confirmed.
            letters = bytes(ord(letter) & 0xFF for letter in disclosed["value"])
            answers.unless(sha256(letters).hex() == record["confirm"]["sha256"])
    place = {"record": record, "index": index, "size": size, "sizes": sizes, "witnesses": witnesses}
    return {**place, "commitment": base64.b64encode(commitment).decode()}


# ---- When

CLOCK = 5 * 60_000
MOST = 31 * 86_400_000


def read_interval(text):
    if text is None:
        return None
    found = re.fullmatch(r"P(?=\d|T\d)(?:(\d{1,4})D)?(?:T(\d{1,5})H)?", text)
    hours = 24 * int(found[1] or 0) + int(found[2] or 0)
    need(hours > 0)
    return hours * 3_600_000


def check_times(stamps, interval, events, tree, answers):
    trusted = []
    for stamp in stamps:
        try:
            size = tree.open(stamp["checkpoint"])[0]
            need(any(size in event["sizes"] for event in events))
            opened = [(one, unbase64(one["token"])) for one in stamp["tokens"]]
            for _, token in opened:
                at, is_trusted = open_token(token, stamp["checkpoint"], tree.trust.roots)
                trusted += [(size, at)] if is_trusted else []
        except (Wrong, ValueError, KeyError, IndexError, TypeError):
            answers.no()
    for event in events if tree.trust.roots else []:
        check_time(event, interval, trusted, answers)


def check_time(event, interval, trusted, answers):
    happened = time_of(event["record"]["happened_at"])
    promised = interval if interval is not None and interval <= MOST else None
    with_it = [at for size, at in trusted if size in event["sizes"]]
    without = [at for size, at in trusted if size <= event["index"]]
    is_late = lambda at: promised is not None and at - happened > promised + CLOCK
    answers.unless(not with_it or min(with_it) >= happened - CLOCK)
    answers.unless(not any(map(is_late, without)))
    if with_it:
        answers.unless(not is_late(min(with_it)))
        # Without a promise a day is soon enough.
        answers.missing |= promised is None and min(with_it) - happened > 86_400_000 + CLOCK
    else:
        answers.missing |= promised is None or is_late(time.time() * 1000)


# ---- What the records say together


def check_together(receipt, events, answers):
    records = [event["record"] for event in events]
    answers.unless(all(receipt["list"] in (record.get("list_id"), record.get("list_name")) for record in records))
    controllers = [record["controller"] for record in records if isinstance(record.get("controller"), dict)]
    answers.unless(all(controller.get("name") == receipt["organisation"] for controller in controllers[-1:]))
    answers.missing |= not controllers
    for name in ("list_id", "subject_ref"):
        answers.unless(len({record.get(name) for record in records}) == 1 and records[0].get(name))
    answers.unless(len({event["commitment"] for event in events}) == len(events))
    answers.unless(len({record.get("record_id") for record in records}) == len(events))
    times = [record["happened_at"] for record in records]
    answers.unless(times == sorted(times))
    check_texts(receipt["texts"], records, answers)
    for at, event in enumerate(events):
        check_link(receipt["claim"], event, events[:at], answers)
    check_outcome(receipt["claim"], records, answers)


def check_texts(texts, records, answers):
    part = lambda record, name, inner: record[name].get(inner) if isinstance(record.get(name), dict) else None
    needed = {part(record, name, "sha256") for record in records for name in ("wording", "notice")} - {None}
    may = needed | {part(record, name, "sha256") for record in records for name in ("mail", "terms", "form")}
    may |= {part(record, "confirm", "page_sha256") for record in records}
    for name, text in texts.items():
        answers.unless(sha256(text.encode()).hex() == name and name in may)
    answers.missing |= not needed <= set(texts)


ASSERTIONS = ("asserted", "imported", "staff-entered")
BEGINNINGS = ("requested",) + ASSERTIONS


def check_link(claim, event, earlier, answers):
    record = event["record"]
    kind, before = record["kind"], record.get("prev_event_commit")
    need(before is None or isinstance(before, str))
    if kind in BEGINNINGS:
        return
    if kind in ("offered", "confirmed"):
        wanted = BEGINNINGS if kind == "offered" else ("offered",)
        named = record.get("request_commit") if kind == "offered" else before
        candidates = [other for other in earlier if other["record"]["kind"] in wanted]
        if not candidates:
            answers.missing = True
            return
        match = [other for other in candidates if other["commitment"] == named]
        answers.unless(match)
        if match and kind == "confirmed":
            check_press(claim, match[0], event, answers)
    elif earlier:
        need(isinstance(before, str))
        answers.missing |= all(other["commitment"] != before for other in earlier)


def check_press(claim, offered, confirmed, answers):
    record, token = confirmed["record"], offered["record"]["token"]
    secret = record.get("secret")
    need(isinstance(secret, str))
    data = base64.urlsafe_b64decode(secret + "=" * (-len(secret) % 4))
    is_reply = record.get("confirm", {}).get("method") == "reply"
    hashed = token.get("reply_secret_sha256" if is_reply else "secret_sha256")
    answers.unless(len(data) >= 16 and sha256(data).hex() == hashed)
    answers.unless(base64.urlsafe_b64encode(data).decode().rstrip("=") == secret)
    answers.unless(time_of(record["happened_at"]) // 1000 * 1000 <= time_of(token["expires_at"]))
    if isinstance(record.get("mail_handoff"), dict) and "at" in record["mail_handoff"]:
        at = time_of(record["mail_handoff"]["at"])
        since, until = time_of(offered["record"]["happened_at"]), time_of(record["happened_at"])
        answers.unless(since <= at <= until + CLOCK)
    if claim == "withdrawal":
        answers.missing |= offered["size"] > confirmed["index"]
    else:
        answers.unless(offered["size"] <= confirmed["index"])


def check_outcome(claim, records, answers):
    kinds = [record["kind"] for record in records]
    acts = [kind for kind in kinds if kind in ("confirmed", "withdrawn", "renewed")]
    if claim == "withdrawal":
        answers.unless(acts and acts[-1] == "withdrawn")
        answers.missing |= not set(kinds) & {"confirmed", *ASSERTIONS}
    else:
        answers.unless(acts[-1:] != ["withdrawn"])
        answers.missing |= "confirmed" not in acts


# ---- Vectors


class OneLog:
    def __init__(self, log, witness=None):
        self.logs, self.named = [parse_vkey(log)], []
        self.witnesses = [parse_vkey(witness, 4)] if witness else []


def included(index, size, leaf, root, path):
    try:
        return root_of_path(index, size, unbase64(leaf), [unbase64(one) for one in path])[0] == unbase64(root)
    except Wrong:
        return False


def checkpoint(note, log, witness=None):
    size, root, _, witnesses = open_note(note, log.partition("+")[0], OneLog(log, witness))
    return [size, base64.b64encode(root).decode(), sorted(witnesses)]


def proof(text):
    extra, index, path, note = parse_proof(text)
    return [extra and base64.b64encode(extra).decode(), index, [base64.b64encode(one).decode() for one in path], note]


def committed(opening, record):
    return tagged(bytes.fromhex(opening), "consentlog/commit/v1", canonical(record)).hex()


VECTORS = {
    "ed25519": lambda *parts: ed25519(*map(bytes.fromhex, parts)),
    "included": included,
    "checkpoint": checkpoint,
    "proof": proof,
    "canonical": lambda text: canonical(json.loads(text, parse_float=refuse)),
    "committed": committed,
}


def answer(question, *arguments):
    try:
        return VECTORS[question](*arguments)
    except (Wrong, ValueError, TypeError, IndexError):
        return None


def main(args):
    if args[:1] == ["--batch"]:
        for line in sys.stdin:
            print(verify(json.loads(line)), flush=True)
    elif args[:1] == ["--vectors"]:
        for line in sys.stdin:
            print(json.dumps(answer(*json.loads(line))), flush=True)
    else:
        with open(args[0], encoding="utf-8") as file:
            print(verify({"receipt": file.read(), "vkeys": args[1:]}))


if __name__ == "__main__":
    main(sys.argv[1:])

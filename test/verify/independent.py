"""A second verifier of receipts, in another language, for the tests: Python's standard library only, and nothing of ours.

usage: python3 independent.py RECEIPT [VKEY...]      prints the exit code that it would give: 0, 1, 2 or 3
       python3 independent.py --batch < lines        a JSON line {"receipt": ..., "vkeys": [...]} each; answers a code a line
       python3 independent.py --ed25519 < lines      a JSON line {"key": hex, "message": hex, "signature": hex} each; true or false a line
"""

import base64
import hashlib
import hmac
import json
import re
import sys
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


# ---- What a receipt is made of


class Wrong(Exception):
    pass


def need(condition):
    if not condition:
        raise Wrong


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


def parse_vkey(text):
    name, _, rest = text.partition("+")
    key_id, _, encoded = rest.partition("+")
    data = unbase64(encoded)
    need(name and not re.search(r"[\s+]", name) and len(data) == 33 and data[0] == 1)
    need(sha256(name.encode() + b"\n" + data)[:4].hex() == key_id)
    return name, bytes.fromhex(key_id), data[1:]


def open_note(note, origin, keys):
    """Size, root and the keys that signed."""
    body, mark, signatures = note.rpartition("\n\n")
    need(mark and signatures.endswith("\n"))
    body += "\n"
    lines = body.split("\n")
    need(len(lines) == 4 and lines[0] == origin and re.fullmatch(r"0|[1-9]\d{0,15}", lines[1]))
    root = unbase64(lines[2])
    need(len(root) == 32)
    signed_by = []
    for line in signatures[:-1].split("\n"):
        parts = line.split(" ")
        need(len(parts) == 3 and parts[0] == "\u2014")
        data = unbase64(parts[2])
        for key in keys:
            if parts[1] == key[0] and data[:4] == key[1]:
                need(ed25519(key[2], body.encode(), data[4:]))
                signed_by.append(key)
    need(signed_by)
    return int(lines[1]), root, signed_by


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


def verify(text, vkeys):
    answers = Answers()
    try:
        check(json.loads(text, object_pairs_hook=once, parse_float=refuse, parse_constant=refuse), vkeys, answers)
    except (Wrong, ValueError, KeyError, TypeError, AttributeError, RecursionError):
        answers.no()
    return answers.code()


def once(pairs):
    found = dict(pairs)
    need(len(found) == len(pairs))
    return found


def refuse(_):
    raise Wrong


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


KNOWN = {
    "receipt": "format number issued_at claim log anchors policy list organisation events texts limits".split(),
    "log": "origin vkey former_vkeys".split(),
    "event": "kind record fields proof later".split(),
}


def check(receipt, vkeys, answers):
    need(receipt["format"] == "zgoda-receipt/v1" and receipt["claim"] in ("consent", "withdrawal"))
    time_of(receipt["issued_at"])
    need(isinstance(receipt["number"], str))
    log, events = receipt["log"], receipt["events"]
    need(isinstance(events, list) and events)
    strange = [set(receipt) - set(KNOWN["receipt"]), set(log) - set(KNOWN["log"])]
    strange += [set(event) - set(KNOWN["event"]) for event in events]
    if any(strange):
        answers.missing = True
    brought = [parse_vkey(key) for key in [log["vkey"]] + log.get("former_vkeys", [])]
    need(all(key[0] == log["origin"] for key in brought))
    pinned = []
    for vkey in vkeys:
        try:
            pinned += [key for key in [parse_vkey(vkey)] if key[0] == log["origin"]]
        except Wrong:
            answers.missing = True
    if brought[0] not in pinned:
        answers.missing = True
    keys = pinned + [key for key in brought if key not in pinned]
    seen, roots, done = {}, {}, []
    for event in events:
        done.append(check_event(event, log["origin"], keys, pinned, seen, roots, answers))
    check_together(receipt, done, answers)


def check_event(event, origin, keys, pinned, seen, roots, answers):
    record = event["record"]
    need(record["kind"] == event["kind"])
    time_of(record["happened_at"])
    head, _, note = event["proof"].partition("\n\n")
    lines = head.split("\n")
    need(lines[0] == "c2sp.org/tlog-proof@v1" and lines[1].startswith("extra ") and lines[2].startswith("index "))
    opening = unbase64(lines[1][6:])
    need(len(opening) == 32 and re.fullmatch(r"0|[1-9]\d{0,15}", lines[2][6:]))
    index = int(lines[2][6:])
    commitment = tagged(opening, "consentlog/commit/v1", canonical(record))
    leaf = sha256(b"\0consentlog/v1 event\n" + base64.b64encode(commitment) + b"\n")
    size = check_place(index, leaf, lines[3:], note, origin, keys, pinned, seen, roots, answers)
    for later in event.get("later", []):
        head, _, note = later.partition("\n\n")
        more = head.split("\n")
        need(more[0] == lines[0] and more[1] == lines[2])
        check_place(index, leaf, more[2:], note, origin, keys, pinned, seen, roots, answers)
    for name, disclosed in event["fields"].items():
        salt = unbase64(disclosed["salt"])
        given = base64.b64encode(tagged(salt, "consentlog/field/v1", name + "\0" + disclosed["value"])).decode()
        answers.unless(len(salt) == 32 and "\0" not in name and record.get("fields", {}).get(name) == given)
    return {"record": record, "index": index, "size": size, "commitment": base64.b64encode(commitment).decode()}


def check_place(index, leaf, path, note, origin, keys, pinned, seen, roots, answers):
    size, root, signed_by = open_note(note, origin, keys)
    if roots.setdefault(size, root) != root:
        answers.fork = True
    found, nodes = root_of_path(index, size, leaf, [unbase64(line) for line in path])
    need(found == root and all(len(unbase64(line)) == 32 for line in path))
    if any(seen.setdefault(place, value) != value for place, value in nodes.items()):
        answers.fork = True
    if not any(key in pinned for key in signed_by):
        answers.missing = True
    return size


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
        check_link(event, events[:at], answers)
    check_outcome(receipt["claim"], records, answers)


def check_texts(texts, records, answers):
    part = lambda record, name, inner: record[name].get(inner) if isinstance(record.get(name), dict) else None
    needed = {part(record, name, "sha256") for record in records for name in ("wording", "notice")} - {None}
    may = needed | {part(record, name, "sha256") for record in records for name in ("mail", "terms", "form")}
    may |= {part(record, "confirm", "page_sha256") for record in records}
    for name, text in texts.items():
        answers.unless(sha256(text.encode()).hex() == name and name in may)
    answers.missing |= not needed <= set(texts)


def check_link(event, earlier, answers):
    record = event["record"]
    kind, before = record["kind"], record.get("prev_event_commit")
    need(before is None or isinstance(before, str))
    if kind == "requested":
        return
    if kind in ("offered", "confirmed"):
        wanted = {"offered": "requested", "confirmed": "offered"}[kind]
        named = record.get("request_commit") if kind == "offered" else before
        candidates = [other for other in earlier if other["record"]["kind"] == wanted]
        if not candidates:
            answers.missing = True
            return
        match = [other for other in candidates if other["commitment"] == named]
        answers.unless(match)
        if match and kind == "confirmed":
            check_press(match[0], event, answers)
    elif earlier:
        need(isinstance(before, str))
        answers.missing |= all(other["commitment"] != before for other in earlier)


def check_press(offered, confirmed, answers):
    record, token = confirmed["record"], offered["record"]["token"]
    secret = record.get("secret")
    need(isinstance(secret, str))
    data = base64.urlsafe_b64decode(secret + "=" * (-len(secret) % 4))
    is_reply = record.get("confirm", {}).get("method") == "reply"
    hashed = token.get("reply_secret_sha256" if is_reply else "secret_sha256")
    answers.unless(len(data) >= 16 and sha256(data).hex() == hashed)
    answers.unless(base64.urlsafe_b64encode(data).decode().rstrip("=") == secret)
    answers.unless(time_of(record["happened_at"]) // 1000 * 1000 <= time_of(token["expires_at"]))
    answers.unless(offered["size"] <= confirmed["index"])


def check_outcome(claim, records, answers):
    acts = [record["kind"] for record in records if record["kind"] in ("confirmed", "withdrawn", "renewed")]
    if claim == "withdrawal":
        answers.unless(acts and acts[-1] == "withdrawn")
    elif "confirmed" not in acts:
        answers.missing = True
    else:
        answers.unless(acts[-1] != "withdrawn")


def main(args):
    if args[:1] == ["--batch"]:
        for line in sys.stdin:
            case = json.loads(line)
            print(verify(case["receipt"], case["vkeys"]), flush=True)
    elif args[:1] == ["--ed25519"]:
        for line in sys.stdin:
            case = {name: bytes.fromhex(value) for name, value in json.loads(line).items()}
            print(json.dumps(ed25519(case["key"], case["message"], case["signature"])), flush=True)
    else:
        with open(args[0], encoding="utf-8") as file:
            print(verify(file.read(), args[1:]))


if __name__ == "__main__":
    main(sys.argv[1:])

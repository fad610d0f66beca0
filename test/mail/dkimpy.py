"""Verifies each DKIM signature of a mail with dkimpy: {"mail": base64, "records": {name: text}} in, ["rsa-sha256", true] for each signature out."""
import base64
import json
import sys

import dkim

asked = json.load(sys.stdin)
mail = base64.b64decode(asked["mail"])


def lookup(name, timeout=5):
    return asked["records"].get(name.decode().rstrip("."), "").encode()


found = []
for index in range(mail.count(b"DKIM-Signature:")):
    checked = dkim.DKIM(mail)
    good = checked.verify(idx=index, dnsfunc=lookup)
    found.append([checked.signature_fields[b"a"].decode(), good])
print(json.dumps(found))

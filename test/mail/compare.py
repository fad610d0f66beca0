"""Compares messages before and after the footer, with the parser of Python's standard library.

Reads JSON on standard input: {"links": [..], "files": [{"file", "in", "out", "outcome"}]}; writes {"files": n, "wellFormed": n, "complaints": [[file, words]]}.
"""

import email
import json
import re
import sys

OURS = ("list-unsubscribe", "list-unsubscribe-post", "bcc", "resent-bcc")
CONTENT = ("content-type", "content-transfer-encoding", "mime-version")


def parse(data):
    # A mailbox file has a line of its own in front.
    if re.match(rb">?From [^\n:]*", data[:200]):
        data = data[data.index(b"\n") + 1 :]
    return email.message_from_bytes(data), data


def leaves(message):
    if message.is_multipart() and message.get_content_maintype() != "message":
        for part in message.get_payload():
            yield from leaves(part)
    else:
        yield message


def is_text(part):
    shown = part.get_content_disposition() != "attachment" and part.get_filename() is None
    return part.get_content_type() in ("text/plain", "text/html") and shown


def text_of(part):
    data = part.get_payload(decode=True) or b""
    charset = part.get_content_charset("latin-1")
    try:
        text = data.decode(charset, "replace")
    except LookupError:
        text = data.decode("latin-1")
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    return re.sub(r"charset=[\"']?[\w-]+", "charset=", text).lstrip("\ufeff")


def has_defects(message):
    return any(part.defects for part in message.walk())


def is_added_to(before, after):
    """Does cutting one range out of `after` give `before`?"""
    start = 0
    while start < len(before) and start < len(after) and before[start] == after[start]:
        start += 1
    end = 0
    while end < len(before) - start and before[-1 - end] == after[-1 - end]:
        end += 1
    return start + end >= len(before)


def fields(message, without):
    return [(name.lower(), value) for name, value in message.raw_items() if name.lower() not in without]


def compare_injected(before, after, links, complain):
    ours, theirs = list(leaves(before)), list(leaves(after))
    if len(ours) != len(theirs):
        return complain("parts were lost or added: %d, %d" % (len(ours), len(theirs)))
    changed = 0
    for old, new in zip(ours, theirs):
        if old.get_content_type() != new.get_content_type():
            complain("a part has another type")
        if old.as_bytes() == new.as_bytes():
            continue
        changed += 1
        if not is_text(new):
            complain("a part that is no text was changed: %s" % new.get_content_type())
        elif not is_added_to(text_of(old), text_of(new)):
            complain("a text was altered")
        for link in links:
            if link not in text_of(new):
                complain("a text lacks its link")
    if changed == 0:
        complain("no text was changed")
    check_alternatives(after, links, complain)


def check_alternatives(after, links, complain):
    for part in after.walk():
        if part.get_content_type() != "multipart/alternative" or not part.is_multipart():
            continue
        # Of several bodies behind each other the first one has the footer, and what is forwarded is no text of ours.
        if not any(links[0] in text_of(leaf) for leaf in leaves(part) if is_text(leaf)):
            continue
        for one in part.get_payload():
            texts = [text_of(leaf) for leaf in leaves(one) if is_text(leaf)]
            if texts and not any(all(link in text for link in links) for text in texts):
                complain("an alternative lacks a link")


def compare_wrapped(data, old, after, links, complain):
    parts = after.get_payload()
    if after.get_content_type() != "multipart/mixed" or len(parts) != 2:
        return complain("it is not wrapped")
    footers = [part for part in parts if part.get_content_type() == "text/plain" and all(link in text_of(part) for link in links)]
    if not footers:
        complain("the wrapped footer lacks a link")
    body = re.split(rb"\r?\n\r?\n", old, maxsplit=1)[1:]
    whole = lambda lines: re.sub(rb"\r\n|\r", b"\n", lines)
    if body and whole(body[0]) not in whole(data):
        complain("the bytes inside are not those that came in")


def compare(one, links, complain):
    with open(one["in"], "rb") as file:
        before, old = parse(file.read())
    with open(one["out"], "rb") as file:
        after, data = parse(file.read())
    if not before.keys() and not after.keys():
        # No message, but a text: the footer goes below it, and no header comes of it.
        rest = data[len(old) :] if data.startswith(old) else b""
        if not all(link.encode() in rest for link in links):
            complain("the text without a header is not as it was, with both links below")
        return False
    if after["List-Unsubscribe"] != "<%s>" % links[0] or len(after.get_all("List-Unsubscribe")) != 1:
        complain("List-Unsubscribe is not ours alone")
    if after["Bcc"] or after["Resent-Bcc"]:
        complain("Bcc is still there")
    text = "".join(text_of(part) for part in leaves(after) if part.get_content_maintype() == "text")
    if one["outcome"] != "headers" and not all(link in text for link in links):
        complain("no text shows the links")
    if has_defects(before):
        return False
    if fields(before, OURS + CONTENT) != fields(after, OURS + CONTENT) and not before.get_all("content-md5"):
        moved = [field for field in fields(before, OURS + CONTENT) if not field[0].startswith("content-")]
        if moved != [field for field in fields(after, OURS + CONTENT) if not field[0].startswith("content-")]:
            complain("the headers are not those that came in")
    if one["outcome"] == "injected":
        compare_injected(before, after, links, complain)
    elif one["outcome"] == "wrapped":
        compare_wrapped(data, old, after, links, complain)
    return True


def main():
    task = json.load(sys.stdin)
    complaints, well_formed = [], 0
    for one in task["files"]:
        try:
            well_formed += compare(one, task["links"], lambda words: complaints.append([one["file"], words]))
        except Exception as error:  # Python's parser has limits of its own.
            complaints.append([one["file"], "cannot be compared: %r" % error])
    json.dump({"files": len(task["files"]), "wellFormed": well_formed, "complaints": complaints}, sys.stdout)


main()

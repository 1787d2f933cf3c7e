#!/usr/bin/env python3
"""The static-ct view of a log simulator as zip files in the layout of an archive.

archive.py URL KEY LOG_ID ORIGIN OUT.zip [FIRST_TILE END_TILE]: with two numbers only those data tiles. Further
arguments: no-issuer, damage=MEMBER (a byte of its packed data), wrong=MEMBER (another content), drop=MEMBER,
encrypt=MEMBER (the flag of it), junk (names that lead out, and a large one), zip64 (more members and further into the
file than the old format can say), small=MEMBER and large=MEMBER (it lies about its size), bomb=MEMBER (it unpacks to a
thousand times what it takes)."""
import json
import sys
import urllib.request
import zipfile

opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))


def get(url):
    with opener.open(url) as reply:
        return reply.read()


def number(n):
    text = "%03d" % (n % 1000)
    while n >= 1000:
        n //= 1000
        text = "x%03d/%s" % (n % 1000, text)
    return text


def tiles(size, level):
    """(path, number) of every tile of a level; -1: data."""
    count = size >> (8 * max(level, 0))
    name = "data" if level < 0 else str(level)
    found = [("tile/%s/%s" % (name, number(n)), n) for n in range(count // 256)]
    if count % 256:
        found.append(("tile/%s/%s.p/%d" % (name, number(count // 256), count % 256), count // 256))
    return found


def issuers(data):
    """Fingerprints that a data tile names."""
    at, found = 0, set()
    while at < len(data):
        kind = int.from_bytes(data[at + 8:at + 10], "big")
        at += 10 + (32 if kind else 0)
        at += 3 + int.from_bytes(data[at:at + 3], "big")
        at += 2 + int.from_bytes(data[at:at + 2], "big")
        if kind:
            at += 3 + int.from_bytes(data[at:at + 3], "big")
        length = int.from_bytes(data[at:at + 2], "big")
        at += 2
        found |= {data[at + i:at + i + 32].hex() for i in range(0, length, 32)}
        at += length
    return found


def main():
    url, key, log_id, origin, out = sys.argv[1:6]
    rest = sys.argv[6:]
    numbers = [int(word) for word in rest if word.isdigit()]
    flags = [word.split("=", 1) for word in rest if not word.isdigit()]
    note = get(url + "/checkpoint")
    size = int(note.split(b"\n")[1])
    first, end = numbers if numbers else (0, size)
    member = {"README.txt": b"An archive of a CT log.\n", "checkpoint": note,
              "log.v3.json": json.dumps({"description": origin, "log_id": log_id, "key": key,
                                         "url": "https://" + origin + "/"}).encode()}
    names = set()
    for level in range(-1, 6):
        for path, n in tiles(size, level):
            if level < 0 and not first <= n < end:
                continue
            member[path] = get(url + "/" + path)
            names |= issuers(member[path]) if level < 0 else set()
    for name in sorted(names):
        if ["no-issuer"] not in flags:
            member["issuer/" + name] = get(url + "/issuer/" + name)
    for flag in flags:
        if flag[0] == "drop":
            del member[flag[1]]
        if flag[0] == "wrong":
            old = member[flag[1]]
            member[flag[1]] = old[:200] + bytes([old[200] ^ 1]) + old[201:]
        if flag[0] == "junk":
            member["../../outside"] = member["/etc/outside"] = b"out"
            member["tile/data/" + "9" * 60000] = b"?"
            member["tile/data/../data/000"] = b"?"
            member["tile/data/0"] = b"?"
        if flag[0] == "zip64":
            member.update(("filler/%d" % i, b"") for i in range(66000))
        if flag[0] == "bomb":
            member[flag[1]] = bytes(200 << 20)
    with open(out, "wb") as file, zipfile.ZipFile(file, "w") as archive:
        if ["zip64"] in flags:
            file.seek(5 << 30)
            archive.start_dir = file.tell()
        for name, data in member.items():
            packed = zipfile.ZIP_STORED if name.startswith("tile/") and not name.startswith("tile/data/") \
                else zipfile.ZIP_DEFLATED
            archive.writestr(zipfile.ZipInfo(name), data, packed)
        where = {entry.filename: entry for entry in archive.infolist()}
    with open(out, "r+b") as archive:
        for flag in flags:
            if flag[0] == "damage":
                entry = where[flag[1]]
                at = entry.header_offset + 30 + len(entry.filename) + entry.compress_size // 2
                archive.seek(at)
                byte = archive.read(1)[0]
                archive.seek(at)
                archive.write(bytes([byte ^ 0x55]))
            if flag[0] in ("small", "large"):
                archive.seek(0, 2)
                end = archive.tell()
                archive.seek(max(0, end - (1 << 20)))
                tail = archive.read()
                at = end - len(tail) + tail.rfind(flag[1].encode()) - 46 + 24
                archive.seek(at)
                archive.write((100 if flag[0] == "small" else 3 << 30).to_bytes(4, "little"))
            if flag[0] == "encrypt":
                archive.seek(where[flag[1]].header_offset + 6)
                archive.write(b"\1\0")
                archive.seek(0)
                whole = archive.read()
                at = whole.rfind(flag[1].encode()) - 46
                archive.seek(at + 8)
                archive.write(b"\1\0")


main()

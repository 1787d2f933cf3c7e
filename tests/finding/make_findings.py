#!/usr/bin/env python3
"""Writes one file, or a few, for every row of model/finding.def: make_findings.py FOLDER.

FOLDER/NAME/* raises the finding NAME; FOLDER/none/* raises none. The same bytes come out each time: keys and
signatures are made up, because nothing here is about them. What a file is says its ending: .der a certificate,
.tbs a TBSCertificate, .leaf a leaf_input, .json a get-entries reply, .tile a data tile, .page a get-entries
reply that can not be taken apart.
"""
import base64
import json
import os
import struct
import sys


def element(tag, content):
    size = len(content)
    if size < 128:
        return bytes([tag, size]) + content
    octets = size.to_bytes((size.bit_length() + 7) // 8, "big")
    return bytes([tag, 0x80 | len(octets)]) + octets + content


def seq(*parts):
    return element(0x30, b"".join(parts))


def octets(content):
    return element(0x04, content)


def bits(content, unused=0):
    return element(0x03, bytes([unused]) + content)


def integer(content):
    return element(0x02, content)


def oid(dotted):
    arcs = [int(arc) for arc in dotted.split(".")]
    out = b""
    for arc in [arcs[0] * 40 + arcs[1]] + arcs[2:]:
        group = [arc & 127]
        while arc > 127:
            arc >>= 7
            group.append(arc & 127 | 128)
        out += bytes(reversed(group))
    return element(0x06, out)


NULL = b"\x05\x00"
TRUE = b"\x01\x01\xff"
UTF8, PRINTABLE, TELETEX, IA5 = 0x0C, 0x13, 0x14, 0x16
CN, COUNTRY, ORG, UNIT = "2.5.4.3", "2.5.4.6", "2.5.4.10", "2.5.4.11"


def attribute(kind, text, tag=UTF8):
    return element(0x31, seq(oid(kind), element(tag, text)))


def name(*rdns):
    return seq(*rdns)


def extension(kind, value, critical=b""):
    return seq(oid(kind), critical, octets(value))


def general(kind, value):
    return element({"email": 0x81, "dns": 0x82, "dir": 0xA4, "uri": 0x86, "ip": 0x87, "id": 0x88}[kind], value)


ECDSA = seq(oid("1.2.840.10045.4.3.2"))
RSA_OID = oid("1.2.840.113549.1.1.1")
RSA_SHA256 = oid("1.2.840.113549.1.1.11")
PSS = oid("1.2.840.113549.1.1.10")
P256 = oid("1.2.840.10045.3.1.7")
EC = oid("1.2.840.10045.2.1")
POINT = b"\x04" + bytes(range(1, 65))
EC_KEY = seq(seq(EC, P256), bits(POINT))
MODULUS = integer(b"\x00" + bytes([0xC5] * 255) + b"\x01")
EXPONENT = integer(b"\x01\x00\x01")


def rsa_key(params=NULL, modulus=MODULUS, exponent=EXPONENT):
    return seq(seq(RSA_OID, params), bits(seq(modulus, exponent)))


def sha256_with(salt, mgf_hash="2.16.840.1.101.3.4.2.1"):
    sha256 = seq(oid("2.16.840.1.101.3.4.2.1"), NULL)
    mgf = seq(oid("1.2.840.113549.1.1.8"), seq(oid(mgf_hash), NULL))
    return seq(element(0xA0, sha256), element(0xA1, mgf), element(0xA2, integer(bytes([salt]))))


ISSUER = name(attribute(COUNTRY, b"DE", PRINTABLE), attribute(ORG, b"Example CA"), attribute(CN, b"Example CA 1"))
SUBJECT = name(attribute(CN, b"www.example.org"))
ALT = [general("dns", b"www.example.org"), general("dns", b"*.example.org")]
NOT_BEFORE, NOT_AFTER = element(0x17, b"260901000000Z"), element(0x17, b"261129235959Z")

SAN, KU, EKU, BC = "2.5.29.17", "2.5.29.15", "2.5.29.37", "2.5.29.19"
AKI, SKI, POLICIES, NC = "2.5.29.35", "2.5.29.14", "2.5.29.32", "2.5.29.30"
CRL, AIA, QC = "2.5.29.31", "1.3.6.1.5.5.7.1.1", "1.3.6.1.5.5.7.1.3"
SCTS, POISON = "1.3.6.1.4.1.11129.2.4.2", "1.3.6.1.4.1.11129.2.4.3"
SERVER, CLIENT = oid("1.3.6.1.5.5.7.3.1"), oid("1.3.6.1.5.5.7.3.2")
DV = seq(oid("2.23.140.1.2.1"))
OCSP = seq(oid("1.3.6.1.5.5.7.48.1"), general("uri", b"http://ocsp.example"))
CRL_POINT = seq(element(0xA0, element(0xA0, general("uri", b"http://crl.example/1.crl"))))


def sct(log=1, version=0, hash_alg=4, sig_alg=3, extensions=b""):
    body = bytes([version]) + bytes([log] * 32) + struct.pack(">Q", 1789000000000)
    body += struct.pack(">H", len(extensions)) + extensions
    body += bytes([hash_alg, sig_alg]) + b"\x00\x04sign"
    return struct.pack(">H", len(body)) + body


def sct_list(*scts):
    return octets(struct.pack(">H", sum(map(len, scts))) + b"".join(scts))


def leaf_extensions(**other):
    """The extensions of a server certificate; other=DER puts one in place of it, None leaves it out."""
    usual = {
        "ku": extension(KU, b"\x03\x02\x07\x80", TRUE),
        "eku": extension(EKU, seq(SERVER)),
        "bc": extension(BC, seq(), TRUE),
        "ski": extension(SKI, octets(bytes(range(20)))),
        "aki": extension(AKI, seq(element(0x80, bytes(range(20, 40))))),
        "aia": extension(AIA, seq(OCSP)),
        "crl": extension(CRL, seq(CRL_POINT)),
        "san": extension(SAN, seq(*ALT)),
        "policies": extension(POLICIES, seq(DV)),
        "more": b"",
    }
    usual.update(other)
    return b"".join(part for part in usual.values() if part is not None)


def ca_extensions(**other):
    usual = {
        "bc": extension(BC, seq(TRUE), TRUE),
        "ku": extension(KU, b"\x03\x02\x01\x06", TRUE),
        "eku": None,
        "san": None,
        "aia": None,
        "crl": None,
        "policies": None,
    }
    usual.update(other)
    return leaf_extensions(**usual)


def tbs(version=b"\xa0\x03\x02\x01\x02", serial=b"\x12\x34", alg=ECDSA, issuer=ISSUER, subject=SUBJECT,
        validity=None, key=EC_KEY, unique=b"", exts=None, tail=b"", frame=seq):
    if validity is None:
        validity = seq(NOT_BEFORE, NOT_AFTER)
    if exts is None:
        exts = leaf_extensions()
    block = element(0xA3, seq(exts)) if exts != "none" else b""
    return frame(version, integer(serial), alg, issuer, validity, subject, key, unique, block, tail)


SIGNATURE = seq(integer(b"\x11" * 32), integer(b"\x22" * 32))


def cert(outer_alg=None, signature=None, **fields):
    alg = outer_alg or fields.get("alg", ECDSA)
    return seq(tbs(**fields), alg, signature or bits(SIGNATURE))


def ca(**fields):
    fields.setdefault("subject", name(attribute(CN, b"Example Sub CA")))
    fields.setdefault("exts", ca_extensions())
    return cert(**fields)


def with_ext(**other):
    return cert(exts=leaf_extensions(**other))


def with_san(*names):
    return with_ext(san=extension(SAN, seq(*ALT, *names)))


def with_subject(*rdns):
    return cert(subject=name(attribute(CN, b"www.example.org"), *rdns))


def u24(content):
    return struct.pack(">I", len(content))[1:] + content


def leaf(der, entry_type=0, version=0, leaf_type=0, hash_of=b"", tail=b"", extensions=b""):
    body = bytes([version, leaf_type]) + struct.pack(">QH", 1789000000000, entry_type) + hash_of + u24(der)
    return body + struct.pack(">H", len(extensions)) + extensions + tail


def reply(leaf_input, extra):
    entry = {"leaf_input": base64.b64encode(leaf_input).decode(), "extra_data": base64.b64encode(extra).decode()}
    return json.dumps({"entries": [entry]}).encode()


def chain(*certs):
    return u24(b"".join(u24(der) for der in certs))


def indefinite(*parts):
    return b"\x30\x80" + b"".join(parts) + b"\x00\x00"


def long_form(*parts):
    content = b"".join(parts)
    return b"\x30\x84" + struct.pack(">I", len(content)) + content


def reading_rows():
    """What reading says."""
    wrong_serial = {"serial_negative": b"\xff\x7f", "serial_zero": b"\x00", "serial_long": b"\x11" * 21,
                    "integer_not_minimal": b"\x00\x12"}
    for row, serial in wrong_serial.items():
        yield row, "serial.der", cert(serial=serial)
    yield "der_length_not_minimal", "tbs.der", cert(frame=long_form)
    yield "ber_indefinite", "tbs.der", cert(frame=indefinite)
    yield "trailing_bytes", "behind.der", cert() + b"\x00"
    yield "tbs_trailing_bytes", "null.der", cert(tail=NULL)
    yield "der_tag_long", "dns.der", with_ext(san=extension(SAN, seq(b"\x9f\x02\x0bexample.org")))
    yield "der_length_not_minimal", "dns.der", with_ext(san=extension(SAN, seq(b"\x82\x81\x0bexample.org")))
    yield "certificate_unreadable", "cut.der", cert()[:200]
    yield "version_unknown", "v4.der", cert(version=b"\xa0\x03\x02\x01\x03")
    yield "version_extensions", "v1.der", cert(version=b"")
    yield "time_unreadable", "month.der", cert(validity=seq(element(0x17, b"261301000000Z"), NOT_AFTER))
    yield "time_form", "offset.der", cert(validity=seq(element(0x17, b"260901000000+0200"), NOT_AFTER))
    yield "time_form", "no_seconds.der", cert(validity=seq(element(0x17, b"2609010000Z"), NOT_AFTER))
    yield "time_form", "general.der", cert(validity=seq(element(0x18, b"20260901000000Z"), NOT_AFTER))
    yield "validity_reversed", "swapped.der", cert(validity=seq(NOT_AFTER, NOT_BEFORE))
    yield "name_unreadable", "subject.der", cert(subject=seq(NULL))
    yield "rdn_empty", "subject.der", cert(subject=name(element(0x31, b""), attribute(CN, b"www.example.org")))
    yield "spki_unreadable", "null.der", cert(key=seq(NULL))
    yield "extension_duplicate", "ski.der", with_ext(more=extension(SKI, octets(b"twice")))
    yield "extension_unreadable", "eku.der", with_ext(eku=extension(EKU, NULL))
    yield "extension_unreadable", "policy_qualifier.der", with_ext(
        policies=extension(POLICIES, seq(seq(oid("2.23.140.1.2.1"), seq(NULL)))))
    yield "extension_unreadable", "aia.der", with_ext(aia=extension(AIA, seq(seq(oid("1.3.6.1.5.5.7.48.1")))))
    yield "extension_unreadable", "crl.der", with_ext(crl=extension(CRL, seq(seq(element(0xA0, b"")))))
    yield "extension_unreadable", "nc.der", ca(exts=ca_extensions(more=extension(NC, NULL, TRUE)))
    yield "extension_unreadable", "qc.der", with_ext(more=extension(QC, seq(NULL)))
    yield "extensions_empty", "empty.der", cert(exts=b"")
    yield "critical_default", "ski.der", with_ext(ski=extension(SKI, octets(b"ski"), b"\x01\x01\x00"))
    yield "boolean_form", "bc.der", with_ext(bc=extension(BC, seq(), b"\x01\x01\x01"))
    yield "san_unreadable", "cut.der", with_ext(san=extension(SAN, seq(*ALT) + b"\x00"))
    yield "san_empty", "empty.der", with_ext(san=extension(SAN, seq()))
    yield "san_ip_length", "five.der", with_san(general("ip", b"12345"))
    yield "san_ip_text", "dns.der", with_san(general("dns", b"192.0.2.1"))
    yield "name_has_nul", "dns.der", with_san(general("dns", b"bank.example\0.evil.example"))
    yield "name_not_ascii", "utf8.der", with_san(general("dns", "b\u00fccher.example".encode()))
    yield "name_not_ascii", "latin1.der", with_san(general("dns", "b\u00fccher.example".encode("latin-1")))
    for file, text in (("case", b"WWW2.Example.ORG"), ("dot", b"w.example.org."), ("space", b" w.example.org"),
                       ("url", b"https://w.example.org/x")):
        yield "name_unclean", file + ".der", with_san(general("dns", text))
    yield "name_label_unreadable", "blank.der", with_san(general("dns", b"a b.example.org"))
    yield "name_label_unreadable", "star.der", with_san(general("dns", b"w*.example.org"))
    yield "name_label_unreadable", "redacted.der", with_san(general("dns", b"?.example.org"))
    yield "cn_not_in_san", "cn.der", cert(subject=name(attribute(CN, b"elsewhere.example")))
    yield "sct_list_unreadable", "cut.der", with_ext(more=extension(SCTS, octets(b"\x00\x05\x00")))
    yield "poison_form", "value.der", with_ext(more=extension(POISON, b"\x05\x01\x00", TRUE))
    yield "poison_form", "not_critical.der", with_ext(more=extension(POISON, NULL))
    yield "sig_alg_mismatch", "outer.der", cert(outer_alg=seq(RSA_SHA256, NULL))
    many = b"".join(general("dns", b"a%d.EXAMPLE.org" % i) for i in range(400))
    yield "names_truncated", "many.der", with_ext(san=extension(SAN, seq(many)))


def entry_rows():
    """What log entries add."""
    precert = tbs(exts=leaf_extensions(more=extension(POISON, NULL, TRUE)))
    precert = seq(precert, ECDSA, bits(SIGNATURE))
    issuer = ca(subject=ISSUER)
    yield "poison_in_final", "poison.leaf", leaf(precert)
    yield "leaf_version", "version.leaf", leaf(cert(), version=1)
    yield "leaf_version", "type.leaf", leaf(cert(), leaf_type=1)
    yield "leaf_entry_type", "type.leaf", leaf(cert(), entry_type=0x8000)
    yield "leaf_unreadable", "cut.leaf", leaf(cert())[:100]
    yield "leaf_trailing", "behind.leaf", leaf(cert(), tail=b"\x00")
    scattered = (extension(POISON, NULL, TRUE) + extension("1.2.3.4", NULL)) * 70
    yield "fingerprint_whole", "scattered.leaf", leaf(with_ext(more=scattered))
    yield "fingerprint_whole", "nothing_left.leaf", leaf(cert(exts=extension(POISON, NULL, TRUE), tail=NULL))
    yield "extra_unreadable", "cut.json", reply(leaf(cert()), b"\x00\x00\x05\x00")
    yield "chain_mismatch", "other.json", reply(leaf(tbs(), 1, hash_of=b"\x99" * 32), u24(precert) + chain(issuer))
    yield "precert_mismatch", "other.json", reply(
        leaf(tbs(serial=b"\x55"), 1, hash_of=b"\x99" * 32), u24(precert) + chain(issuer))
    yield "issuer_unverified", "final.json", reply(leaf(cert()), chain(issuer))
    position = b"\x00\x00\x05" + (7).to_bytes(5, "big")
    yield "leaf_index", "seven.tile", leaf(cert(), extensions=position)[2:] + b"\x00\x00"
    yield "leaf_index", "twice.leaf", leaf(cert(), extensions=position + position)
    yield "entry_stuck", "base64.page", b'{"entries":[{"leaf_input":"?","extra_data":""}]}'


def algorithm_rows():
    yield "rsa_null_missing", "key.der", cert(key=rsa_key(params=b""))
    yield "rsa_null_missing", "signature.der", cert(alg=seq(RSA_SHA256))
    yield "alg_parameters", "ecdsa.der", cert(alg=seq(oid("1.2.840.10045.4.3.2"), NULL))
    yield "alg_parameters", "rsa.der", cert(key=rsa_key(params=seq()))
    yield "alg_parameters", "ed25519.der", cert(key=seq(seq(oid("1.3.101.112"), NULL), bits(bytes(32))))
    yield "sig_alg_parameters", "outer.der", cert(alg=seq(RSA_SHA256, NULL), outer_alg=seq(RSA_SHA256))
    yield "pss_parameters", "missing.der", cert(alg=seq(PSS))
    yield "pss_parameters", "unreadable.der", cert(alg=seq(PSS, NULL))
    yield "pss_parameters", "hashes.der", cert(alg=seq(PSS, sha256_with(32, "1.3.14.3.2.26")))
    field = seq(oid("1.2.840.10045.1.1"), integer(b"\x00" + b"\xff" * 32))
    yield "ec_curve_explicit", "params.der", cert(key=seq(seq(EC, seq(integer(b"\x01"), field)), bits(POINT)))
    yield "rsa_modulus", "even.der", cert(key=rsa_key(modulus=integer(b"\x00" + b"\xc5" * 255 + b"\x02")))
    yield "rsa_modulus", "negative.der", cert(key=rsa_key(modulus=integer(b"\xc5" * 256)))
    yield "rsa_exponent", "one.der", cert(key=rsa_key(exponent=integer(b"\x01")))
    yield "rsa_exponent", "even.der", cert(key=rsa_key(exponent=integer(b"\x01\x00\x00")))
    yield "bit_string_form", "signature.der", cert(signature=bits(SIGNATURE, 3))
    yield "bit_string_form", "key.der", cert(key=seq(seq(EC, P256), bits(POINT, 1)))
    yield "bit_string_form", "usage.der", with_ext(ku=extension(KU, b"\x03\x02\x00\x80", TRUE))


def frame_rows():
    yield "default_written", "v1.der", cert(version=b"\xa0\x03\x02\x01\x00", exts="none")
    yield "default_written", "ca_false.der", with_ext(bc=extension(BC, seq(b"\x01\x01\x00"), TRUE))
    yield "version_old", "v1.der", cert(version=b"", exts="none")
    yield "version_old", "v2.der", cert(version=b"\xa0\x03\x02\x01\x01", exts="none")
    yield "unique_id", "issuer.der", cert(unique=element(0x81, b"\x00\x01"))
    yield "unique_id", "subject.der", cert(unique=element(0x82, b"\x00\x01"))
    many = [general("dns", b"host-%05d.example.org" % i) for i in range(3000)]
    yield "oversize", "names.der", with_ext(san=extension(SAN, seq(*ALT, *many)))
    yield "issuer_empty", "issuer.der", cert(issuer=name())
    yield "subject_empty", "ca.der", ca(subject=name())


def extension_rows():
    yield "key_usage_empty", "zero.der", with_ext(ku=extension(KU, b"\x03\x02\x00\x00", TRUE))
    yield "key_usage_empty", "none.der", with_ext(ku=extension(KU, b"\x03\x01\x00", TRUE))
    yield "key_cert_sign", "leaf.der", with_ext(ku=extension(KU, b"\x03\x02\x02\x84", TRUE))
    yield "key_cert_sign", "ca.der", ca(exts=ca_extensions(ku=extension(KU, b"\x03\x02\x07\x80", TRUE)))
    yield "path_len_without_ca", "leaf.der", with_ext(bc=extension(BC, seq(integer(b"\x00")), TRUE))
    yield "ca_not_critical", "ca.der", ca(exts=ca_extensions(bc=extension(BC, seq(TRUE))))
    yield "san_missing", "none.der", with_ext(san=None)
    yield "san_critical", "subject.der", with_ext(san=extension(SAN, seq(*ALT), TRUE))
    yield "san_not_critical", "no_subject.der", cert(subject=name())
    tree = element(0xA0, seq(general("dns", b"example.org")))
    yield "ext_not_critical", "nc.der", ca(exts=ca_extensions(more=extension(NC, seq(tree))))
    yield "ext_not_critical", "policy_constraints.der", ca(
        exts=ca_extensions(more=extension("2.5.29.36", seq(element(0x80, b"\x00")))))
    yield "ext_critical", "ski.der", with_ext(ski=extension(SKI, octets(b"ski"), TRUE))
    yield "ext_critical", "aia.der", with_ext(aia=extension(AIA, seq(OCSP), TRUE))
    yield "ext_critical_unknown", "private.der", with_ext(more=extension("1.3.6.1.4.1.99999.1", NULL, TRUE))
    yield "ski_missing", "ca.der", ca(exts=ca_extensions(ski=None))
    yield "aki_missing", "leaf.der", with_ext(aki=None)
    for file, row in (("eku", EKU), ("policies", POLICIES), ("aia", AIA), ("crl", CRL)):
        yield "list_empty", file + ".der", with_ext(**{file: extension(row, seq())})
    yield "list_empty", "qc.der", with_ext(more=extension(QC, seq()))
    yield "eku_any", "leaf.der", with_ext(eku=extension(EKU, seq(SERVER, oid("2.5.29.37.0"))))
    yield "policy_duplicate", "dv.der", with_ext(policies=extension(POLICIES, seq(DV, DV)))
    yield "nc_not_ca", "leaf.der", with_ext(more=extension(NC, seq(tree), TRUE))
    for file, value in (("empty", seq()), ("empty_list", seq(element(0xA0, b""))),
                        ("minimum", seq(element(0xA0, seq(general("dns", b"a.example"), b"\x80\x01\x00")))),
                        ("address", seq(element(0xA1, seq(general("ip", b"1234")))))):
        yield "nc_form", file + ".der", ca(exts=ca_extensions(more=extension(NC, value, TRUE)))


def name_rows():
    yield "dn_string_type", "teletex.der", with_subject(attribute(ORG, b"Old", TELETEX))
    yield "dn_string_type", "country.der", with_subject(attribute(COUNTRY, b"DE", UTF8))
    yield "dn_string_type", "ia5.der", with_subject(attribute(ORG, b"Old", IA5))
    yield "dn_characters", "printable.der", with_subject(attribute(ORG, b"a@b*c", PRINTABLE))
    yield "dn_characters", "utf8.der", with_subject(attribute(ORG, b"\xff\xfe"))
    yield "dn_long", "org.der", with_subject(attribute(ORG, b"x" * 65))
    yield "dn_long", "org_utf8.der", with_subject(attribute(ORG, "\u00fc".encode() * 65))
    yield "dn_empty_value", "org.der", with_subject(attribute(ORG, b""))
    yield "country_form", "small.der", with_subject(attribute(COUNTRY, b"de", PRINTABLE))
    yield "country_form", "long.der", with_subject(attribute(COUNTRY, b"DEU", PRINTABLE))
    yield "ou_present", "unit.der", with_subject(attribute(UNIT, b"Sales"))
    yield "dns_long", "label.der", with_san(general("dns", b"a" * 64 + b".example.org"))
    yield "dns_long", "name.der", with_san(general("dns", b".".join([b"a" * 60] * 5)))
    yield "uri_form", "no_scheme.der", with_san(general("uri", b"//example.org/x"))
    yield "uri_form", "blank.der", with_san(general("uri", b"https://example.org/a b"))
    yield "uri_form", "crl.der", with_ext(
        crl=extension(CRL, seq(seq(element(0xA0, element(0xA0, general("uri", b"crl.example")))))))
    yield "uri_form", "aia.der", with_ext(
        aia=extension(AIA, seq(seq(oid("1.3.6.1.5.5.7.48.1"), general("uri", b"")))))
    yield "email_form", "no_host.der", with_san(general("email", b"somebody"))
    yield "email_form", "latin1.der", with_san(general("email", b"m\xfcller@example.org"))


def sct_rows():
    def with_scts(*scts):
        return with_ext(more=extension(SCTS, sct_list(*scts)))

    yield "sct_version", "two.der", with_scts(sct(version=1))
    yield "sct_algorithm", "sha1.der", with_scts(sct(hash_alg=2))
    yield "sct_algorithm", "dsa.der", with_scts(sct(sig_alg=2))
    yield "sct_extensions", "cut.der", with_scts(sct(extensions=b"\x00\x00\x09\x00"))
    yield "sct_extensions", "twice.der", with_scts(sct(extensions=b"\x00\x00\x05\x00\x00\x00\x00\x01" * 2))
    yield "sct_log_twice", "same.der", with_scts(sct(1), sct(2), sct(1))
    yield "sct_log_twice", "two_lists.der", with_ext(
        more=extension(SCTS, sct_list(sct(1), sct(2))) + extension(SCTS, sct_list(sct(3), sct(1))))
    yield "sct_in_precert", "poison.der", with_ext(
        more=extension(SCTS, sct_list(sct())) + extension(POISON, NULL, TRUE))


def clean_rows():
    """Where the border of a rule is: these are right."""
    index = b"\x00\x00\x05\x00\x00\x00\x00\x07"
    policies = seq(DV, seq(oid("2.5.29.32.0"), seq(seq(oid("1.3.6.1.5.5.7.2.1"), element(IA5, b"http://x.example")))))
    tree = element(0xA0, seq(general("dns", b"example.org")) + seq(general("ip", bytes(8))))
    yield "leaf.der", cert()
    yield "leaf.tbs", tbs()
    yield "entry.leaf", leaf(cert())
    yield "ca.der", ca()
    yield "constrained_ca.der", ca(exts=ca_extensions(more=extension(NC, seq(tree), TRUE)))
    yield "rsa.der", cert(key=rsa_key(), alg=seq(RSA_SHA256, NULL))
    yield "pss.der", cert(alg=seq(PSS, sha256_with(32)))
    yield "ed25519.der", cert(key=seq(seq(oid("1.3.101.112")), bits(bytes(32))), alg=seq(oid("1.3.101.112")))
    yield "ml_dsa.der", cert(key=seq(seq(oid("2.16.840.1.101.3.4.3.17")), bits(bytes(1312))))
    yield "no_subject.der", cert(subject=name(), exts=leaf_extensions(san=extension(SAN, seq(*ALT), TRUE)))
    yield "scts.der", with_ext(more=extension(SCTS, sct_list(sct(1), sct(2, extensions=index))))
    yield "poison.der", with_ext(more=extension(POISON, NULL, TRUE))
    yield "policies.der", with_ext(policies=extension(POLICIES, policies))
    yield "longest_org.der", with_subject(attribute(ORG, "\u00fc".encode() * 64))
    yield "longest_label.der", with_san(general("dns", b"a" * 63 + b".example.org"))
    yield "kinds.der", with_san(general("uri", b"urn:x"), general("email", b"a@example.org"), general("ip", bytes(4)),
                                general("dir", ISSUER), general("id", b"\x2a\x03"))
    yield "usage_of_nine_bits.der", with_ext(ku=extension(KU, b"\x03\x03\x07\x88\x80", TRUE))
    yield "qc.der", with_ext(more=extension(QC, seq(seq(oid("0.4.0.1862.1.1")))))


def main():
    folder = sys.argv[1]
    files = [("none", file, content) for file, content in clean_rows()]
    for rows in (reading_rows, entry_rows, algorithm_rows, frame_rows, extension_rows, name_rows, sct_rows):
        files += rows()
    for row, file, content in files:
        os.makedirs(os.path.join(folder, row), exist_ok=True)
        with open(os.path.join(folder, row, file), "xb") as out:
            out.write(content)


main()

#include "cli/sniff.h"

#include <ctype.h>

#include "cli/pem.h"
#include "ingest/gunzip.h"
#include "parser/base64.h"
#include "parser/der.h"
#include "parser/json.h"
#include "parser/leaf.h"

#define CONTEXT_0  0xa0
#define ENUMERATED 0x0a
#define CHILDREN   4 /* of a SEQUENCE: no kind is known by more */

struct row {
    const char *form;
    const char *sentence;
    const char *advice;
};

static const struct row rows[] = {
#define X(name, form, sentence, advice) {form, sentence, advice},
#include "cli/sniff.def"
#undef X
};

const char *sniff_form(enum sniff kind)
{
    return rows[kind].form;
}

const char *sniff_sentence(enum sniff kind)
{
    return rows[kind].sentence;
}

const char *sniff_advice(enum sniff kind)
{
    return rows[kind].advice;
}

static bool is_white(uint8_t byte)
{
    return byte == ' ' || byte == '\t' || byte == '\r' || byte == '\n';
}

struct span sniff_unmarked(struct span text)
{
    return span_starts(text, SPAN_LIT("\xef\xbb\xbf")) ? span_part(text, 3, text.len) : text;
}

struct span sniff_trim(struct span text)
{
    text = sniff_unmarked(text);
    while (text.len != 0 && is_white(text.at[0]))
        text = span_part(text, 1, text.len);
    while (text.len != 0 && is_white(text.at[text.len - 1]))
        text.len--;
    return text;
}

struct span sniff_digits(struct span text)
{
    text = sniff_trim(text);
    return span_starts(text, SPAN_LIT("\\x")) || span_starts(text, SPAN_LIT("0x"))
               ? span_part(text, 2, text.len)
               : text;
}

/* The tags and contents of the first elements; tag 0 where there is none. */
struct children {
    uint32_t tag[CHILDREN + 1];
    struct span value[CHILDREN + 1];
    bool cut; /* the last one runs past the end */
};

static struct children children_of(struct span content)
{
    struct finding_set ignored = {{0, 0}};
    struct der in = der_of(content, &ignored);
    struct children found = {0};
    struct der_item item;

    for (unsigned i = 0; i <= CHILDREN && der_more(&in) && !found.cut; i++) {
        if (!der_next_cut(&in, &item, &found.cut))
            break;
        found.tag[i] = item.tag;
        found.value[i] = item.value;
    }
    return found;
}

static bool is_time(uint32_t tag)
{
    return tag == DER_UTC_TIME || tag == DER_GENERALIZED_TIME;
}

/* The first element inside is an INTEGER: TBSCertificate of version 1, keys, PKCS#12. */
static enum sniff numbered(const struct children *in)
{
    if (in->tag[1] == DER_INTEGER || in->tag[1] == DER_OCTET_STRING || in->tag[2] == DER_OCTET_STRING)
        return SNIFF_KEY;
    if (in->tag[1] != DER_SEQUENCE)
        return SNIFF_UNKNOWN;
    if (in->tag[2] == DER_SEQUENCE && in->tag[3] == DER_SEQUENCE)
        return SNIFF_TBS;
    struct children info = children_of(in->value[1]);
    return info.tag[0] == DER_OID && info.tag[1] == CONTEXT_0 ? SNIFF_PKCS12 : SNIFF_UNKNOWN;
}

/* The first element inside is a SEQUENCE, as in everything that is signed. */
static enum sniff signed_or_key(const struct children *in)
{
    struct children body = children_of(in->value[0]);

    if (body.tag[0] == DER_OID && in->tag[2] == 0) {
        if (in->tag[1] == DER_BIT_STRING)
            return SNIFF_PUBLIC_KEY;
        if (in->tag[1] == DER_OCTET_STRING)
            return SNIFF_KEY;
    }
    unsigned at = body.tag[0] == DER_INTEGER;
    if (body.tag[at] == DER_SEQUENCE && body.tag[at + 1] == DER_SEQUENCE && is_time(body.tag[at + 2]))
        return SNIFF_CRL;
    /* INTEGER, then a Name where a certificate has an algorithm, then a key. */
    struct children name = children_of(body.value[1]);
    if (body.tag[0] == DER_INTEGER && body.tag[1] == DER_SEQUENCE && body.tag[2] == DER_SEQUENCE &&
        (name.tag[0] == DER_SET || body.value[1].len == 0) && (body.tag[3] == CONTEXT_0 || body.tag[3] == 0))
        return SNIFF_REQUEST;
    return SNIFF_CERTIFICATE;
}

static enum sniff sniff_sequence(struct span content)
{
    static const struct span signed_data = SPAN_LIT("\x2a\x86\x48\x86\xf7\x0d\x01\x07\x02");
    static const struct span pkcs7 = SPAN_LIT("\x2a\x86\x48\x86\xf7\x0d\x01\x07");
    struct children in = children_of(content);

    switch (in.tag[0]) {
    case DER_SEQUENCE:
        return signed_or_key(&in);
    case DER_INTEGER:
        return numbered(&in);
    case CONTEXT_0:
        return SNIFF_TBS;
    case ENUMERATED:
        return SNIFF_OCSP;
    case DER_OID:
        if (span_eq(in.value[0], signed_data))
            return SNIFF_PKCS7;
        return span_starts(in.value[0], pkcs7) ? SNIFF_ENCRYPTED : SNIFF_UNKNOWN;
    default:
        return SNIFF_UNKNOWN;
    }
}

enum sniff sniff_der(struct span der)
{
    struct children outer = children_of(der);
    enum sniff kind = outer.tag[0] == DER_SEQUENCE ? sniff_sequence(outer.value[0]) : SNIFF_CERTIFICATE;

    return kind == SNIFF_UNKNOWN ? SNIFF_CERTIFICATE : kind;
}

/* Text may begin with the byte of a SEQUENCE, which is "0": then its length runs past the end, and what
 * stands there is text. */
static bool is_text(struct span bytes)
{
    size_t len = bytes.len < 64 ? bytes.len : 64;

    for (size_t i = 0; i < len; i++) {
        if (!is_white(bytes.at[i]) && (bytes.at[i] < 0x20 || bytes.at[i] == 0x7f))
            return false;
    }
    return true;
}

static bool member_is(struct span json, const char *name)
{
    struct json in = json_of(json);

    if (!json_expect(&in, '{'))
        return false;
    while (!in.failed && json_punct(&in, '"')) {
        bool found = json_string_is(&in, name);
        if (found || !json_expect(&in, ':') || !json_skip(&in) || !json_punct(&in, ','))
            return found && !in.failed;
    }
    return false;
}

static enum sniff sniff_json(struct span text)
{
    if (member_is(text, "entries"))
        return SNIFF_GET_ENTRIES;
    if (member_is(text, "leaf_input") || member_is(text, "extra_data"))
        return SNIFF_ENTRY;
    if (member_is(text, "certificates"))
        return SNIFF_GET_ROOTS;
    return member_is(text, "tree_head_signature") ? SNIFF_HEAD : SNIFF_JSON;
}

/* Three lines or more, of which the second is a number and the fifth, or a later one, a signature (C2SP
 * tlog-checkpoint). */
static bool is_checkpoint(struct span text)
{
    const uint8_t *line = text.len == 0 ? NULL : memchr(text.at, '\n', text.len);
    const uint8_t *end = text.at + text.len;
    size_t digits = 0;

    if (line == NULL || memmem(text.at, text.len, "\n\n\xe2\x80\x94 ", 6) == NULL)
        return false;
    for (line++; line != end && *line >= '0' && *line <= '9'; line++)
        digits++;
    return digits != 0 && line != end && *line == '\n';
}

static bool is_base64(struct span text)
{
    size_t digits = 0;
    size_t i = 0;

    for (; i < text.len && text.at[i] != '='; i++) {
        if (base64_digit(text.at[i]) >= 0)
            digits++;
        else if (!is_white(text.at[i]))
            return false;
    }
    for (; i < text.len; i++) {
        if (text.at[i] != '=' && base64_digit(text.at[i]) < 0 && !is_white(text.at[i]))
            return false;
    }
    return digits >= 16;
}

/* The digits of DER or of a leaf, in pairs, as people print bytes; text in base64 begins otherwise. */
static bool is_hex(struct span text)
{
    struct span head;
    size_t digits = 0;

    text = sniff_digits(text);
    head = span_part(text, 0, 2);
    for (size_t i = 0; i < text.len; i++) {
        if (isxdigit(text.at[i]))
            digits++;
        else if (!is_white(text.at[i]) && text.at[i] != ':')
            return false;
    }
    return digits >= 32 && digits % 2 == 0 &&
           (span_eq(head, SPAN_LIT("30")) || span_eq(head, SPAN_LIT("00")));
}

static enum sniff sniff_text(struct span text)
{
    struct span trimmed = sniff_trim(text);

    if (pem_is(text))
        return SNIFF_PEM;
    if (trimmed.len == 0)
        return SNIFF_UNKNOWN;
    if (trimmed.at[0] == '{' || trimmed.at[0] == '[')
        return sniff_json(trimmed);
    if (trimmed.at[0] == '<')
        return SNIFF_PAGE;
    if (is_hex(trimmed))
        return SNIFF_HEX;
    if (is_base64(trimmed))
        return SNIFF_BASE64;
    return is_checkpoint(text) ? SNIFF_HEAD : SNIFF_UNKNOWN;
}

/* A leaf has two zero bytes before its time in milliseconds, which has two more; an entry of a tile begins
 * with the time. That one can be read decides; when neither can, times of our decades (00 00 01 xx) do. */
static enum sniff sniff_log(struct span bytes)
{
    struct entry leaf = {.kind = ENTRY_OPAQUE};

    if (bytes.len < 16 || bytes.at[0] > 1 || bytes.at[1] > 1)
        return SNIFF_UNKNOWN;
    bool ours = bytes.at[2] == 0 && bytes.at[3] == 0 && bytes.at[4] == 1;
    /* Of the next version, or of another type: its reader says so. */
    if (bytes.at[0] != 0 || bytes.at[1] != 0)
        return ours ? SNIFF_LEAF : SNIFF_UNKNOWN;
    leaf_read(bytes, &leaf);
    if (leaf.kind != ENTRY_OPAQUE && !finding_has(&leaf.findings, FINDING_LEAF_TRAILING))
        return SNIFF_LEAF;
    if (ours)
        return SNIFF_LEAF;
    return bytes.at[2] == 1 || bytes.at[2] == 0 ? SNIFF_DATA_TILE : SNIFF_UNKNOWN;
}

enum sniff sniff_bytes(struct span bytes)
{
    struct children outer = children_of(bytes);

    if (bytes.len == 0)
        return SNIFF_UNKNOWN;
    if (gunzip_is_gzip(bytes))
        return SNIFF_GZIP;
    if (outer.tag[0] == DER_SEQUENCE && !(outer.cut && is_text(bytes))) {
        enum sniff kind = sniff_sequence(outer.value[0]);
        if (kind != SNIFF_UNKNOWN)
            return kind;
        /* Damaged at its very beginning, most likely: its reader shows what is left. */
        if (!pem_is(bytes))
            return SNIFF_CERTIFICATE;
    }
    if (span_starts(bytes, SPAN_LIT("\xff\xfe")) || span_starts(bytes, SPAN_LIT("\xfe\xff")))
        return SNIFF_UTF16;
    enum sniff kind = sniff_text(bytes);
    return kind == SNIFF_UNKNOWN ? sniff_log(bytes) : kind;
}

enum sniff sniff_label(struct span label)
{
    static const struct {
        struct span label;
        enum sniff kind;
    } labels[] = {
        {SPAN_LIT("CERTIFICATE"), SNIFF_CERTIFICATE},
        {SPAN_LIT("X509 CERTIFICATE"), SNIFF_CERTIFICATE},
        {SPAN_LIT("TRUSTED CERTIFICATE"), SNIFF_CERTIFICATE},
        {SPAN_LIT("PKCS7"), SNIFF_PKCS7},
        {SPAN_LIT("PKCS #7 SIGNED DATA"), SNIFF_PKCS7},
        {SPAN_LIT("CMS"), SNIFF_PKCS7},
        {SPAN_LIT("CERTIFICATE CHAIN"), SNIFF_PKCS7},
        {SPAN_LIT("CERTIFICATE REQUEST"), SNIFF_REQUEST},
        {SPAN_LIT("NEW CERTIFICATE REQUEST"), SNIFF_REQUEST},
        {SPAN_LIT("X509 CRL"), SNIFF_CRL},
        {SPAN_LIT("PUBLIC KEY"), SNIFF_PUBLIC_KEY},
        {SPAN_LIT("RSA PUBLIC KEY"), SNIFF_PUBLIC_KEY},
    };

    for (size_t i = 0; i < countof(labels); i++) {
        if (span_eq(label, labels[i].label))
            return labels[i].kind;
    }
    return span_ends(label, SPAN_LIT("PRIVATE KEY")) ? SNIFF_KEY : SNIFF_UNKNOWN;
}

#include "trust/from_nss.h"

#include <stdlib.h>

#include "parser/der.h"
#include "parser/when.h"
#include "trust/builtin.h"
#include "verify/digest.h"

#define OBJECTS_MAX 4096
#define VALUE_MAX   (64u << 10)

/* One object, as far as it counts. */
struct object {
    bool cert;
    bool trust;
    bool delegator; /* a root for TLS */
    bool distrusted;
    bool has_cert;
    bool has_place;
    bool odd;          /* the day from which it is distrusted can not be read */
    bool judged;       /* it says what a server may think of it */
    uint8_t place[32]; /* of issuer and serial number */
    struct cafacts facts;
    int64_t last; /* day; 0: none */
    char label[VERDICT_TEXT_MAX];
};

struct reading {
    struct span rest;
    struct catake *take;
    struct catake_file *file;
    struct object *object;
    size_t count;
    uint8_t *value;
    size_t len;
    uint8_t issuer[4096];
    size_t issuer_len;
    bool cut; /* the text ends inside of a value */
};

bool from_nss_is(struct span text)
{
    struct span begin = span_part(text, 0, text.len < 65536 ? text.len : 65536);
    return begin.len > 9 && memmem(begin.at, begin.len, "BEGINDATA", 9) != NULL;
}

static bool next_line(struct span *rest, struct span *line)
{
    if (rest->len == 0)
        return false;
    const uint8_t *end = memchr(rest->at, '\n', rest->len);
    size_t len = end == NULL ? rest->len : (size_t)(end - rest->at);
    *line = span_part(*rest, 0, len);
    *rest = span_part(*rest, end == NULL ? len : len + 1, rest->len);
    while (line->len != 0 && (line->at[line->len - 1] == '\r' || line->at[line->len - 1] == ' '))
        line->len--;
    return true;
}

static bool is_octal(const uint8_t at[4])
{
    return at[0] == '\\' && at[1] >= '0' && at[1] <= '3' && at[2] >= '0' && at[2] <= '7' && at[3] >= '0' &&
           at[3] <= '7';
}

/* \ooo\ooo... until END. */
static void read_octal(struct reading *r)
{
    struct span line = SPAN_NONE;
    bool more;
    r->len = 0;
    while ((more = next_line(&r->rest, &line)) && !span_eq(line, SPAN_LIT("END")))
        for (size_t i = 0; i + 4 <= line.len && r->len < VALUE_MAX; i += 4) {
            const uint8_t *at = line.at + i;
            if (is_octal(at))
                r->value[r->len++] = (uint8_t)((at[1] - '0') << 6 | (at[2] - '0') << 3 | (at[3] - '0'));
        }
    r->cut = r->cut || !more;
}

static struct object *now(struct reading *r)
{
    return r->count == 0 ? NULL : &r->object[r->count - 1];
}

static void on_serial(struct reading *r, struct object *object)
{
    struct finding_set ignored = {0};
    struct der der = der_of(span_of(r->value, r->len), &ignored);
    struct der_item serial;
    if (!der_next(&der, &serial))
        return;
    const struct span pieces[2] = {span_of(r->issuer, r->issuer_len), serial.value};
    digest_sha256_pieces(pieces, 2, object->place);
    object->has_place = true;
}

static void on_octal(struct reading *r, struct span line)
{
    struct object *object = now(r);
    read_octal(r);
    if (object == NULL)
        return;
    if (span_starts(line, SPAN_LIT("CKA_VALUE ")) && object->cert)
        object->has_cert = catake_der(r->take, span_of(r->value, r->len), &object->facts);
    if (span_starts(line, SPAN_LIT("CKA_ISSUER ")) && r->len <= sizeof r->issuer) {
        memcpy(r->issuer, r->value, r->len);
        r->issuer_len = r->len;
    }
    if (span_starts(line, SPAN_LIT("CKA_SERIAL_NUMBER ")))
        on_serial(r, object);
    if (span_starts(line, SPAN_LIT("CKA_NSS_SERVER_DISTRUST_AFTER ")))
        object->odd = when_read(DER_UTC_TIME, span_of(r->value, r->len), &object->last) == WHEN_UNREADABLE;
}

static void on_class(struct reading *r, struct span line)
{
    if (r->count == OBJECTS_MAX)
        return;
    struct object *object = &r->object[r->count++];
    *object = (struct object){.cert = span_ends(line, SPAN_LIT("CKO_CERTIFICATE")),
                              .trust = span_ends(line, SPAN_LIT("_TRUST"))};
    r->issuer_len = 0;
}

static void on_label(struct object *object, struct span line)
{
    const uint8_t *at = memchr(line.at, '"', line.len);
    if (object == NULL || at == NULL)
        return;
    size_t len = (size_t)(line.at + line.len - at) - 1;
    len = len != 0 && line.at[line.len - 1] == '"' ? len - 1 : len;
    len = len < sizeof object->label - 1 ? len : sizeof object->label - 1;
    memcpy(object->label, at + 1, len);
}

static void read_all(struct reading *r)
{
    struct span line;
    while (next_line(&r->rest, &line)) {
        if (span_starts(line, SPAN_LIT("CKA_CLASS ")))
            on_class(r, line);
        else if (span_ends(line, SPAN_LIT("MULTILINE_OCTAL")))
            on_octal(r, line);
        else if (span_starts(line, SPAN_LIT("CKA_LABEL ")))
            on_label(now(r), line);
        else if (span_starts(line, SPAN_LIT("CKA_TRUST_SERVER_AUTH ")) && now(r) != NULL) {
            now(r)->judged = true;
            now(r)->delegator = span_ends(line, SPAN_LIT("TRUSTED_DELEGATOR"));
            now(r)->distrusted = span_ends(line, SPAN_LIT("NOT_TRUSTED"));
        }
    }
}

static const struct object *cert_at(const struct reading *r, const uint8_t place[32])
{
    for (size_t i = 0; i < r->count; i++)
        if (r->object[i].cert && r->object[i].has_cert && memcmp(r->object[i].place, place, 32) == 0)
            return &r->object[i];
    return NULL;
}

static void take_trust(struct reading *r, uint64_t nth, uint32_t part, const struct object *trust)
{
    const struct object *cert = cert_at(r, trust->place);
    struct carule rule = {.store = VERDICT_MOZILLA, .label = trust->label, .source = "certdata.txt of NSS"};
    /* "Must be verified" is no root and no block. */
    if (!trust->distrusted && !trust->delegator) {
        r->file->passed++;
        return;
    }
    if (!trust->has_place || (trust->delegator && (cert == NULL || cert->odd))) {
        catake_unread(r->file, nth);
        return;
    }
    if (trust->distrusted) {
        rule.kind = CARULE_BLOCKED;
        rule.class = CARULE_INCIDENT;
        rule.target = CARULE_ISSUER_SERIAL;
        memcpy(rule.hash, trust->place, 32);
    } else {
        rule.kind = CARULE_ANCHOR;
        rule.class = CARULE_MEMBER;
        rule.target = CARULE_CERT;
        memcpy(rule.hash, cert->facts.sha256, 32);
        memcpy(rule.key, cert->facts.key, 32);
        memcpy(rule.subject, cert->facts.subject, 32);
    }
    catake_rule(r->take, part, &rule, false);
    r->file->taken++;
    if (rule.kind != CARULE_ANCHOR || cert->last == 0)
        return;
    rule.kind = CARULE_NOT_BEFORE;
    rule.class = CARULE_LIFECYCLE; /* the distrust table says when it was for something the CA did */
    rule.limit = cert->last;
    catake_rule(r->take, part, &rule, false);
}

/* A certificate comes before what is thought of it. */
static bool is_whole(const struct reading *r, struct span text)
{
    const struct object *last = r->count == 0 ? NULL : &r->object[r->count - 1];
    return !r->cut && text.at[text.len - 1] == '\n' &&
           (last == NULL || !(last->cert || (last->trust && !last->judged)));
}

bool from_nss_read(struct span text, struct catake *take, struct catake_file *file)
{
    struct reading r = {.rest = text, .take = take, .file = file};
    uint64_t nth = 0; /* of the objects that say what is thought of a certificate */
    uint32_t part = catake_part(take, builtin_roots_part(VERDICT_MOZILLA), file->dated_ms);
    r.object = calloc(OBJECTS_MAX, sizeof *r.object);
    r.value = malloc(VALUE_MAX);
    must(r.object != NULL && r.value != NULL);
    read_all(&r);
    for (size_t i = 0; i < r.count; i++)
        if (r.object[i].trust)
            take_trust(&r, ++nth, part, &r.object[i]);
    bool whole = is_whole(&r, text);
    free(r.value);
    free(r.object);
    return whole;
}

#include "trust/from_ctl.h"

#include <stdio.h>

#include "parser/der.h"
#include "parser/when.h"
#include "trust/builtin.h"

/* Attributes of a subject are named by the number of a certificate property below 1.3.6.1.4.1.311.10.11. */
static const uint8_t property_oid[] = {0x2b, 0x06, 0x01, 0x04, 0x01, 0x82, 0x37, 0x0a, 0x0b};
static const uint8_t ctl_oid[] = {0x2b, 0x06, 0x01, 0x04, 0x01, 0x82, 0x37, 0x0a, 0x01};
static const uint8_t server_auth[] = {0x2b, 0x06, 0x01, 0x05, 0x05, 0x07, 0x03, 0x01};

enum property {
    PROPERTY_PURPOSES = 9,
    PROPERTY_FRIENDLY_NAME = 11,
    PROPERTY_SHA256 = 98,
    PROPERTY_DISABLED = 104, /* FILETIME; nothing at all: always */
    PROPERTY_NOT_PURPOSES = 122,
    PROPERTY_NOT_BEFORE = 126, /* FILETIME */
    PROPERTY_NOT_BEFORE_PURPOSES = 127
};

#define FILETIME_1970 INT64_C(116444736000000000)

struct subject {
    struct span id; /* SHA-1, or SHA-256 */
    struct span sha256;
    struct span purposes;
    struct span not_purposes;
    struct span not_before_purposes;
    int64_t disabled; /* Unix seconds; 0: not */
    int64_t not_before;
    char label[VERDICT_TEXT_MAX];
};

static bool enter(struct span bytes, uint32_t tag, struct span *inside)
{
    struct finding_set odd = {0};
    struct der der = der_of(bytes, &odd);
    struct der_item item;
    if (!der_next(&der, &item) || item.tag != tag)
        return false;
    *inside = item.value;
    return true;
}

/* The content of the list: ContentInfo, SignedData, its contentInfo, [0]. */
static bool content_of(struct span bytes, struct span *list)
{
    struct finding_set odd = {0};
    struct span inside;
    struct der_item item;
    if (!enter(bytes, DER_SEQUENCE, &inside))
        return false;
    struct der info = der_of(inside, &odd);
    if (!der_next(&info, &item) || item.tag != DER_OID || !der_next(&info, &item) ||
        !enter(item.value, DER_SEQUENCE, &inside))
        return false;
    struct der data = der_of(inside, &odd);
    bool there = true;
    for (int i = 0; i < 3; i++)
        there = there && der_next(&data, &item);
    if (!there || item.tag != DER_SEQUENCE)
        return false;
    struct der content = der_of(item.value, &odd);
    if (!der_next(&content, &item) || !span_eq(item.value, span_of(ctl_oid, sizeof ctl_oid)) ||
        !der_next(&content, &item))
        return false;
    return enter(item.value, DER_SEQUENCE, list);
}

static int64_t filetime(struct span value)
{
    uint64_t ticks = 0;
    if (value.len < 8)
        return 0;
    for (int i = 7; i >= 0; i--)
        ticks = ticks << 8 | value.at[i];
    if (ticks > INT64_MAX || (int64_t)ticks <= FILETIME_1970)
        return 1;
    return ((int64_t)ticks - FILETIME_1970) / 10000000;
}

/* UTF-16LE. */
static void label_of(struct span value, char *out)
{
    size_t len = 0;
    for (size_t i = 0; i + 1 < value.len && len < VERDICT_TEXT_MAX - 1; i += 2)
        if (value.at[i + 1] == 0 && value.at[i] >= 0x20 && value.at[i] < 0x7f)
            out[len++] = (char)value.at[i];
    out[len] = '\0';
}

static void on_property(struct subject *subject, unsigned number, struct span value)
{
    switch (number) {
    case PROPERTY_PURPOSES:
        subject->purposes = value;
        return;
    case PROPERTY_FRIENDLY_NAME:
        label_of(value, subject->label);
        return;
    case PROPERTY_SHA256:
        subject->sha256 = value;
        return;
    case PROPERTY_DISABLED:
        subject->disabled = value.len == 0 ? 1 : filetime(value);
        return;
    case PROPERTY_NOT_PURPOSES:
        subject->not_purposes = value;
        return;
    case PROPERTY_NOT_BEFORE:
        subject->not_before = filetime(value);
        return;
    case PROPERTY_NOT_BEFORE_PURPOSES:
        subject->not_before_purposes = value;
        return;
    default:
        return;
    }
}

static void read_attribute(struct subject *subject, struct span attribute)
{
    struct finding_set odd = {0};
    struct der der = der_of(attribute, &odd);
    struct der_item oid;
    struct der_item set;
    struct span value = SPAN_NONE;
    if (!der_next(&der, &oid) || !der_next(&der, &set) || oid.value.len < sizeof property_oid + 1 ||
        memcmp(oid.value.at, property_oid, sizeof property_oid) != 0)
        return;
    unsigned number = oid.value.at[sizeof property_oid];
    if ((number & 0x80) != 0 && oid.value.len == sizeof property_oid + 2)
        number = (number & 0x7f) << 7 | oid.value.at[sizeof property_oid + 1];
    if (enter(set.value, DER_OCTET_STRING, &value))
        on_property(subject, number, value);
}

static bool has_server_auth(struct span purposes)
{
    struct finding_set odd = {0};
    struct span inside;
    struct der_item item;
    if (!enter(purposes, DER_SEQUENCE, &inside))
        return false;
    struct der der = der_of(inside, &odd);
    while (der_next(&der, &item))
        if (span_eq(item.value, span_of(server_auth, sizeof server_auth)))
            return true;
    return false;
}

static void take_root(struct catake *take, uint32_t part, const struct subject *subject, uint64_t nth,
                      struct catake_file *file)
{
    struct carule rule = {.store = VERDICT_MICROSOFT,
                          .target = CARULE_CERT,
                          .class = CARULE_MEMBER,
                          .label = subject->label,
                          .source = "authroot.stl"};
    bool tls = subject->purposes.at == NULL || has_server_auth(subject->purposes);
    if (!tls) {
        file->passed++;
        return;
    }
    if (subject->sha256.len != 32) {
        catake_unread(file, nth);
        return;
    }
    memcpy(rule.hash, subject->sha256.at, 32);
    bool gone = has_server_auth(subject->not_purposes) ||
                (subject->disabled != 0 && subject->not_purposes.at == NULL);
    rule.kind = gone ? CARULE_REMOVED : CARULE_ANCHOR;
    rule.class = gone ? CARULE_LIFECYCLE : CARULE_MEMBER;
    catake_rule(take, part, &rule, false);
    file->taken++;
    if (gone || subject->not_before == 0 ||
        (subject->not_before_purposes.at != NULL && !has_server_auth(subject->not_before_purposes)))
        return;
    rule.kind = CARULE_NOT_BEFORE;
    rule.class = CARULE_LIFECYCLE;
    rule.limit = subject->not_before;
    catake_rule(take, part, &rule, false);
}

static void take_disallowed(struct catake *take, uint32_t part, const struct subject *subject, uint64_t nth,
                            struct catake_file *file)
{
    struct carule rule = {.store = VERDICT_MICROSOFT,
                          .kind = CARULE_BLOCKED,
                          .target = CARULE_CERT,
                          .class = CARULE_INCIDENT,
                          .label = subject->label[0] == '\0' ? "a certificate that Microsoft disallows"
                                                             : subject->label,
                          .source = "disallowedcert.stl"};
    struct span hash = subject->sha256.len == 32 ? subject->sha256 : subject->id;
    if (hash.at == NULL || hash.len == 0 || (subject->sha256.at != NULL && hash.len != 32)) {
        catake_unread(file, nth);
        return;
    }
    if (hash.len !=
        32) { /* SHA-1, or a hash of the signed part alone: nothing to hold a certificate against */
        file->passed++;
        return;
    }
    memcpy(rule.hash, hash.at, 32);
    catake_rule(take, part, &rule, false);
    file->taken++;
}

static void read_subject(struct span bytes, struct subject *subject)
{
    struct finding_set odd = {0};
    struct der der = der_of(bytes, &odd);
    struct der_item item;
    *subject = (struct subject){.id = SPAN_NONE};
    if (!der_next(&der, &item) || item.tag != DER_OCTET_STRING)
        return;
    subject->id = item.value;
    if (!der_next(&der, &item) || item.tag != DER_SET)
        return;
    struct der set = der_of(item.value, &odd);
    while (der_next(&set, &item))
        read_attribute(subject, item.value);
}

/* disallowedcert.stl has subjects without purposes and names, and says so in its usage; telling by what
 * stands in it needs no list of usages. */
static bool is_roots(struct span subjects)
{
    struct finding_set odd = {0};
    struct der der = der_of(subjects, &odd);
    struct der_item item;
    while (der_next(&der, &item)) {
        struct subject subject;
        read_subject(item.value, &subject);
        if (subject.sha256.at != NULL && subject.purposes.at != NULL)
            return true;
    }
    return false;
}

bool from_ctl_read(struct span bytes, struct catake *take, struct catake_file *file)
{
    struct finding_set odd = {0};
    struct span list;
    struct der_item item;
    struct span subjects = SPAN_NONE;
    int64_t at = 0;
    uint64_t nth = 0;
    if (!content_of(bytes, &list))
        return false;
    struct der der = der_of(list, &odd);
    while (der_next(&der, &item)) {
        if ((item.tag == DER_UTC_TIME || item.tag == DER_GENERALIZED_TIME) && at == 0)
            (void)when_read(item.tag, item.value, &at);
        if (item.tag == DER_SEQUENCE)
            subjects = item.value; /* the last one: usage and algorithm come before */
    }
    if (at != 0)
        file->dated_ms = at * 1000;
    bool roots = is_roots(subjects);
    uint32_t part = catake_part(take, roots ? builtin_roots_part(VERDICT_MICROSOFT) : "microsoft.disallowed",
                                file->dated_ms);
    (void)snprintf(file->form, sizeof file->form, "%s", roots ? "authroot" : "disallowed");
    struct der each = der_of(subjects, &odd);
    while (der_more(&each) && der_next(&each, &item)) {
        struct subject subject;
        read_subject(item.value, &subject);
        if (roots)
            take_root(take, part, &subject, ++nth, file);
        else
            take_disallowed(take, part, &subject, ++nth, file);
    }
    if (!der_done(&each))
        catake_unread(file, ++nth);
    (void)snprintf(file->note, sizeof file->note, "its signature was not checked");
    return true;
}

#include "parser/ext.h"

#include "base/limits.h"

void ext_init(struct ext *ext, struct span exts, struct finding_set *findings)
{
    ext->in = der_of(exts, findings);
    ext->damaged = false;
}

static void read_critical(struct der *in, struct ext_item *item)
{
    struct der_item flag;

    if (!der_optional(in, DER_BOOLEAN, &flag))
        return;
    item->critical = flag.value.len != 0 && flag.value.at[0] != 0;
    if (!item->critical)
        finding_add(in->findings, FINDING_CRITICAL_DEFAULT);
    if (flag.value.len != 1 || (flag.value.at[0] != 0xff && flag.value.at[0] != 0))
        finding_add(in->findings, FINDING_BOOLEAN_FORM);
}

bool ext_next(struct ext *ext, struct ext_item *item)
{
    struct der_item outer;
    struct der_item part;
    struct der in;

    if (!der_more(&ext->in))
        return false;
    if (!der_next(&ext->in, &outer)) {
        ext->damaged = true;
        return false;
    }
    *item = (struct ext_item){.whole = outer.whole, .unreadable = true};
    in = der_of(outer.value, ext->in.findings);
    if (outer.tag != DER_SEQUENCE || !der_expect(&in, DER_OID, &part))
        return true;
    item->oid = part.value;
    item->id = oid_find(part.value);
    read_critical(&in, item);
    item->head = span_of(outer.value.at, (size_t)(in.at - outer.value.at));
    if (!der_expect(&in, DER_OCTET_STRING, &part))
        return true;
    item->value = part.value;
    item->unreadable = !der_done(&in);
    return true;
}

bool ext_cut_value(const struct ext *ext, enum oid id, struct span *value)
{
    struct der in = der_of(span_of(ext->in.at, der_left(&ext->in)), ext->in.findings);
    struct der_item part;
    bool cut = false;

    if (!ext->damaged || !der_next_cut(&in, &part, &cut) || part.tag != DER_SEQUENCE)
        return false;
    in = der_of(part.value, ext->in.findings);
    if (!der_expect(&in, DER_OID, &part) || oid_find(part.value) != id)
        return false;
    (void)der_optional(&in, DER_BOOLEAN, &part);
    if (!der_next_cut(&in, &part, &cut) || part.tag != DER_OCTET_STRING)
        return false;
    *value = part.value;
    return true;
}

bool ext_lost(const struct cert *cert)
{
    const struct finding_set *findings = &cert->findings;

    if (finding_has(findings, FINDING_CERTIFICATE_UNREADABLE) ||
        finding_has(findings, FINDING_SAN_UNREADABLE))
        return true;
    return cert->exts.at == NULL && finding_has(findings, FINDING_EXTENSION_UNREADABLE);
}

bool ext_find(const struct cert *cert, enum oid id, struct ext_item *item)
{
    struct finding_set ignored = {{0, 0}};
    struct ext ext;

    ext_init(&ext, cert->exts, &ignored);
    while (ext_next(&ext, item)) {
        if (item->id == id && !item->unreadable)
            return true;
    }
    return false;
}

/* The one SEQUENCE that most extension values are. */
static bool open_sequence(struct cert *cert, struct span value, struct der *in)
{
    struct der outer = der_of(value, &cert->findings);
    struct der_item item;

    if (!der_expect(&outer, DER_SEQUENCE, &item) || !der_done(&outer))
        return false;
    *in = der_of(item.value, &cert->findings);
    return true;
}

static bool read_basic_constraints(struct cert *cert, struct span value)
{
    struct der in;
    struct der_item item;

    cert->flags |= CERT_HAS_BC;
    if (!open_sequence(cert, value, &in))
        return false;
    if (der_optional(&in, DER_BOOLEAN, &item)) {
        if (item.value.len != 0 && item.value.at[0] != 0)
            cert->flags |= CERT_IS_CA;
        if (item.value.len != 1 || (item.value.at[0] != 0xff && item.value.at[0] != 0))
            finding_add(&cert->findings, FINDING_BOOLEAN_FORM);
    }
    if (der_optional(&in, DER_INTEGER, &item)) {
        bool fits = item.value.len >= 1 && item.value.len <= 3 && item.value.at[0] < 0x80;
        int32_t length = 0;
        for (size_t i = 0; fits && i < item.value.len; i++)
            length = length << 8 | item.value.at[i];
        cert->path_len = fits ? length : -1;
        if (!fits)
            return false;
    }
    return der_done(&in);
}

static bool read_key_usage(struct cert *cert, struct span value)
{
    struct der outer = der_of(value, &cert->findings);
    struct der_item item;

    cert->key_usage = value;
    if (!der_expect(&outer, DER_BIT_STRING, &item) || !der_done(&outer) || item.value.len == 0)
        return false;
    if (item.value.len > 1)
        cert->key_usage_bits = (uint16_t)(item.value.at[1] << 8);
    if (item.value.len > 2)
        cert->key_usage_bits |= item.value.at[2];
    return true;
}

static bool read_eku(struct cert *cert, struct span value)
{
    struct der in;
    struct der_item item;

    cert->eku = value;
    cert->flags |= CERT_HAS_EKU;
    if (!open_sequence(cert, value, &in))
        return false;
    while (der_more(&in) && der_expect(&in, DER_OID, &item)) {
        switch (oid_find(item.value)) {
        case OID_EKU_SERVER_AUTH:
            cert->flags |= CERT_SERVER_AUTH;
            break;
        case OID_EKU_CLIENT_AUTH:
            cert->flags |= CERT_CLIENT_AUTH;
            break;
        case OID_EKU_ANY:
            cert->flags |= CERT_ANY_EKU;
            break;
        case OID_EKU_PRECERT_SIGNING:
            cert->flags |= CERT_PRECERT_SIGNING;
            break;
        default:
            break;
        }
    }
    return der_done(&in);
}

static bool read_policies(struct cert *cert, struct span value)
{
    struct der in;
    struct der_item item;

    cert->policies = value;
    if (!open_sequence(cert, value, &in))
        return false;
    while (der_more(&in) && der_expect(&in, DER_SEQUENCE, &item)) {
        struct der policy = der_of(item.value, &cert->findings);
        if (!der_expect(&policy, DER_OID, &item))
            return false;
        switch (oid_find(item.value)) {
        case OID_POLICY_DV:
            cert->flags |= CERT_POLICY_DV;
            break;
        case OID_POLICY_OV:
            cert->flags |= CERT_POLICY_OV;
            break;
        case OID_POLICY_IV:
            cert->flags |= CERT_POLICY_IV;
            break;
        case OID_POLICY_EV:
            cert->flags |= CERT_POLICY_EV;
            break;
        default:
            break;
        }
    }
    return der_done(&in);
}

static bool read_aki(struct cert *cert, struct span value)
{
    struct der in;
    struct der_item item;

    cert->aki = value;
    if (!open_sequence(cert, value, &in))
        return false;
    if (der_optional(&in, 0x80, &item))
        cert->aki_key_id = item.value;
    while (der_more(&in) && der_next(&in, &item))
        continue;
    return der_done(&in);
}

static bool read_ski(struct cert *cert, struct span value)
{
    struct der outer = der_of(value, &cert->findings);
    struct der_item item;

    if (!der_expect(&outer, DER_OCTET_STRING, &item))
        return false;
    cert->ski = item.value;
    return der_done(&outer);
}

static void read_san(struct cert *cert, const struct ext_item *item)
{
    if (cert->san.at != NULL)
        cert->flags |= CERT_SAN_DUPLICATE;
    else
        cert->san = item->value;
    if (item->critical)
        cert->flags |= CERT_SAN_CRITICAL;
}

static void read_poison(struct cert *cert, const struct ext_item *item)
{
    static const uint8_t null[2] = {DER_NULL, 0};

    /* Who does not know it passes over one that is not critical: such a certificate works. */
    cert->flags |= item->critical ? CERT_POISON : 0u;
    if (!item->critical || !span_eq(item->value, span_of(null, 2)))
        finding_add(&cert->findings, FINDING_POISON_FORM);
}

/* Later extensions of the same kind only add what the first left open; the finding says that there are two.
 */
bool ext_read_value(struct cert *cert, const struct ext_item *item)
{
    switch (item->id) {
    case OID_EXT_SAN:
        read_san(cert, item);
        return true;
    case OID_EXT_BASIC_CONSTRAINTS:
        return read_basic_constraints(cert, item->value);
    case OID_EXT_KEY_USAGE:
        return read_key_usage(cert, item->value);
    case OID_EXT_EKU:
        return read_eku(cert, item->value);
    case OID_EXT_POLICIES:
        return read_policies(cert, item->value);
    case OID_EXT_AUTHORITY_KEY_ID:
        return read_aki(cert, item->value);
    case OID_EXT_SUBJECT_KEY_ID:
        return read_ski(cert, item->value);
    case OID_EXT_AIA:
        cert->aia = item->value;
        return true;
    case OID_EXT_CRL_POINTS:
        cert->crl_points = item->value;
        return true;
    case OID_EXT_NAME_CONSTRAINTS:
        cert->name_constraints = item->value;
        return true;
    case OID_EXT_SCT_LIST:
        if (cert->sct_list.at == NULL)
            cert->sct_list = item->value;
        return true;
    case OID_EXT_POISON:
        read_poison(cert, item);
        return true;
    default:
        return true;
    }
}

uint64_t ext_bit(enum oid id, struct span oid)
{
    unsigned bit = (unsigned)id;

    if (id == OID_UNKNOWN || bit >= 32) {
        unsigned hash = 0;
        for (size_t i = 0; i < oid.len; i++)
            hash = hash * 31 + oid.at[i];
        bit = 32 + hash % 32;
    }
    return UINT64_C(1) << bit;
}

/* How many extensions are compared with each other when their OID is one nobody here knows: beyond it the
 * search would be quadratic in the attacker's hands, and they are sorted. */
#define DUPLICATE_SEARCH_MAX 64

static bool seen_before(const struct cert *cert, const struct ext_item *item)
{
    struct finding_set ignored = {{0, 0}};
    struct ext ext;
    struct ext_item other;

    if (cert->ext_count > DUPLICATE_SEARCH_MAX)
        return false;
    ext_init(&ext, cert->exts, &ignored);
    while (ext_next(&ext, &other) && other.whole.at != item->whole.at) {
        if (other.oid.at != NULL && span_eq(other.oid, item->oid))
            return true;
    }
    return false;
}

static bool is_duplicate(const struct cert *cert, const struct ext_item *item, uint64_t *seen)
{
    uint64_t bit = ext_bit(item->id, item->oid);
    bool hit = (*seen & bit) != 0;

    *seen |= bit;
    return hit && (bit <= UINT32_MAX || seen_before(cert, item));
}

static void sift_down(struct span *heap, size_t count, size_t at)
{
    struct span moved = heap[at];

    for (size_t child; (child = 2 * at + 1) < count; at = child) {
        if (child + 1 < count && span_cmp(heap[child], heap[child + 1]) < 0)
            child++;
        if (span_cmp(moved, heap[child]) >= 0)
            break;
        heap[at] = heap[child];
    }
    heap[at] = moved;
}

/* Takes the greatest out of a heap until two in a row are equal. A heap, because its worst case is n log n
 * without a word of memory, and the worst case is what somebody will send. */
static bool any_equal(struct span *oids, size_t count)
{
    struct span last = SPAN_NONE;

    for (size_t i = count / 2; i-- > 0;)
        sift_down(oids, count, i);
    while (count > 0) {
        if (last.at != NULL && span_eq(last, oids[0]))
            return true;
        last = oids[0];
        oids[0] = oids[--count];
        if (count > 0)
            sift_down(oids, count, 0);
    }
    return false;
}

/* Is one of many extensions there twice? Only the first LIMIT_EXTS_COMPARED are asked. */
__attribute__((cold, noinline)) static bool many_have_duplicate(const struct cert *cert)
{
    struct span oids[LIMIT_EXTS_COMPARED];
    struct finding_set ignored = {{0, 0}};
    size_t count = 0;
    struct ext ext;
    struct ext_item item;

    ext_init(&ext, cert->exts, &ignored);
    while (count < countof(oids) && ext_next(&ext, &item)) {
        if (item.oid.at != NULL)
            oids[count++] = item.oid;
    }
    return any_equal(oids, count);
}

void ext_read_all(struct cert *cert)
{
    struct ext ext;
    struct ext_item item;
    uint64_t seen = 0;

    ext_init(&ext, cert->exts, &cert->findings);
    while (ext_next(&ext, &item)) {
        cert->ext_count++;
        if (item.oid.at != NULL && is_duplicate(cert, &item, &seen))
            finding_add(&cert->findings, FINDING_EXTENSION_DUPLICATE);
        if (item.unreadable && item.critical && item.id == OID_EXT_POISON)
            cert->flags |= CERT_POISON;
        if (item.unreadable || !ext_read_value(cert, &item))
            finding_add(&cert->findings, FINDING_EXTENSION_UNREADABLE);
    }
    if (ext.damaged)
        finding_add(&cert->findings, FINDING_EXTENSION_UNREADABLE);
    if (cert->ext_count > DUPLICATE_SEARCH_MAX &&
        !finding_has(&cert->findings, FINDING_EXTENSION_DUPLICATE) && many_have_duplicate(cert))
        finding_add(&cert->findings, FINDING_EXTENSION_DUPLICATE);
}

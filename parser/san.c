#include "parser/san.h"

/* extnValue content: exactly one SEQUENCE of names. */
static void open_value(struct san *san, struct span value)
{
    struct der outer = der_of(value, &san->odd);
    struct der_item item;

    if (!der_expect(&outer, DER_SEQUENCE, &item)) {
        san->damaged = true;
        return;
    }
    if (!der_done(&outer))
        san->damaged = true;
    if (item.value.len == 0)
        san->empty = true;
    san->in = der_of(item.value, &san->odd);
}

/* The certificate ends inside an extension, or that has lost its framing: the names it begins with. */
static void open_cut(struct san *san)
{
    struct span value;
    struct der_item item;
    bool cut = false;

    san->damaged = true;
    if (!ext_cut_value(&san->exts, OID_EXT_SAN, &value))
        return;
    struct der outer = der_of(value, &san->odd);
    if (der_next_cut(&outer, &item, &cut) && item.tag == DER_SEQUENCE)
        san->in = der_of(item.value, &san->odd);
}

void san_init(struct san *san, const struct cert *cert)
{
    san->odd = (struct finding_set){{0, 0}};
    san->damaged = false;
    san->empty = false;
    san->in = der_of(SPAN_NONE, &san->odd);
    san->more_exts =
        (cert->flags & CERT_SAN_DUPLICATE) != 0 || finding_has(&cert->findings, FINDING_EXTENSION_UNREADABLE);
    /* There is a block of extensions, and not even its first one could be found; or there is more than one
     * block. */
    if ((san->more_exts && cert->exts.at == NULL) || finding_has(&cert->findings, FINDING_SAN_UNREADABLE))
        san->damaged = true;
    if (san->more_exts)
        ext_init(&san->exts, cert->exts, &san->odd);
    else if (cert->san.at != NULL)
        open_value(san, cert->san);
}

static bool next_ext(struct san *san)
{
    struct ext_item ext;

    while (!der_more(&san->in)) {
        if (san->in.failed) {
            san->damaged = true;
            san->in = der_of(SPAN_NONE, &san->odd);
        }
        if (!san->more_exts)
            return false;
        if (!ext_next(&san->exts, &ext)) {
            san->more_exts = false;
            if (san->exts.damaged)
                open_cut(san);
            continue;
        }
        /* An extension without a readable OID could have been one of ours. */
        if (ext.unreadable && (ext.oid.at == NULL || ext.id == OID_EXT_SAN))
            san->damaged = true;
        else if (ext.id == OID_EXT_SAN)
            open_value(san, ext.value);
    }
    return true;
}

static enum san_kind kind_of(uint32_t tag)
{
    /* Context class; the constructed bit must be what the kind demands, so that 0xa2 is not taken for a
     * dNSName. */
    static const uint8_t tags[] = {0xa0, 0x81, 0x82, 0xa3, 0xa4, 0xa5, 0x86, 0x87, 0x88};

    if (tag < 0x80 || tag > 0xa5 || (tag & 0x1fu) >= countof(tags) || tags[tag & 0x1fu] != tag)
        return SAN_UNKNOWN_KIND;
    return (enum san_kind)(tag & 0x1fu);
}

struct san_item san_item_of(const struct der_item *found)
{
    return (struct san_item){.kind = kind_of(found->tag), .value = found->value, .whole = found->whole};
}

const char *san_kind_name(enum san_kind kind)
{
    static const char *const names[] = {
        "other", "email", "dns", "x400", "directory", "edi", "uri", "ip", "registered_id", "unknown",
    };

    must((unsigned)kind < countof(names));
    return names[kind];
}

bool san_next_any(struct san *san, struct san_item *item)
{
    struct der_item found;

    do {
        if (!next_ext(san))
            return false;
    } while (!der_next(&san->in, &found));
    *item = san_item_of(&found);
    if (item->kind == SAN_UNKNOWN_KIND)
        san->damaged = true;
    return true;
}

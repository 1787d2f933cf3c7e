#include "parser/sctlist.h"

#include "parser/ext.h"

#define LEAF_INDEX_TYPE 0
#define LEAF_INDEX_LEN  5

static void open_list(struct sctlist *list, struct span ext_value)
{
    struct finding_set ignored = {{0, 0}};
    struct der outer = der_of(ext_value, &ignored);
    struct der_item item;
    struct cur cur;
    struct span scts;

    list->in = cur_of(SPAN_NONE);
    if (!der_expect(&outer, DER_OCTET_STRING, &item)) {
        list->damaged = true;
        return;
    }
    cur = cur_of(item.value);
    scts = cur_vector(&cur, 2);
    list->damaged = list->damaged || !cur_done(&cur) || !der_done(&outer) || scts.len == 0;
    /* A list length that does not fit: what follows it may still be SCTs. */
    list->in = cur_of(cur.failed && item.value.len > 2 ? span_part(item.value, 2, item.value.len) : scts);
}

void sctlist_init(struct sctlist *list, struct span ext_value)
{
    *list = (struct sctlist){.in = cur_of(SPAN_NONE)};
    if (ext_value.at != NULL)
        open_list(list, ext_value);
}

/* The next extension that is an SCT list; what is behind it stays to be walked. */
static bool next_value(struct sctlist *list, struct span *value)
{
    struct finding_set ignored = {{0, 0}};
    struct ext_item item;
    struct ext ext;

    ext_init(&ext, list->exts, &ignored);
    while (ext_next(&ext, &item)) {
        if (item.id != OID_EXT_SCT_LIST || item.unreadable)
            continue;
        list->exts = span_of(ext.in.at, der_left(&ext.in));
        *value = item.value;
        return true;
    }
    list->exts = SPAN_NONE;
    return false;
}

void sctlist_of(struct sctlist *list, const struct cert *cert)
{
    struct span first;

    sctlist_init(list, cert->sct_list);
    if (!finding_has(&cert->findings, FINDING_EXTENSION_DUPLICATE))
        return;
    list->exts = cert->exts;
    /* The first is open already. */
    (void)next_value(list, &first);
}

int64_t sctlist_leaf_index(struct span extensions, bool *odd)
{
    struct cur cur = cur_of(extensions);
    int64_t index = -1;

    *odd = false;
    while (!cur.failed && cur.at != cur.end) {
        uint64_t type = cur_uint(&cur, 1);
        struct span data = cur_vector(&cur, 2);
        if (cur.failed || type != LEAF_INDEX_TYPE)
            continue;
        struct cur number = cur_of(data);
        if (index >= 0 || data.len != LEAF_INDEX_LEN)
            *odd = true;
        else
            index = (int64_t)cur_uint(&number, LEAF_INDEX_LEN);
    }
    *odd = *odd || cur.failed;
    return *odd ? -1 : index;
}

/* The next SerializedSCT, of this list or of one behind it. */
static bool next_whole(struct sctlist *list, struct span *whole)
{
    struct span value;

    for (;;) {
        if (!list->in.failed && list->in.at != list->in.end) {
            *whole = cur_vector(&list->in, 2);
            list->damaged = list->damaged || list->in.failed || whole->len == 0;
            if (!list->in.failed)
                return true;
        }
        if (!next_value(list, &value))
            return false;
        open_list(list, value);
    }
}

bool sctlist_next(struct sctlist *list, struct sctlist_item *item)
{
    struct cur in;
    bool odd;

    *item = (struct sctlist_item){.leaf_index = -1};
    if (!next_whole(list, &item->whole))
        return false;
    if (item->whole.len == 0)
        return true;
    in = cur_of(item->whole);
    item->version = (uint8_t)cur_uint(&in, 1);
    if (item->version != 0)
        return true;
    item->log_id = cur_bytes(&in, 32);
    item->timestamp_ms = cur_uint(&in, 8);
    item->extensions = cur_vector(&in, 2);
    item->signed_part = span_of(in.at, cur_left(&in));
    item->hash_alg = (uint8_t)cur_uint(&in, 1);
    item->sig_alg = (uint8_t)cur_uint(&in, 1);
    item->signature = cur_vector(&in, 2);
    item->readable = cur_done(&in);
    list->damaged = list->damaged || !item->readable;
    if (item->readable)
        item->leaf_index = sctlist_leaf_index(item->extensions, &odd);
    return true;
}

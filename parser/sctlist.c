#include "parser/sctlist.h"

#include "parser/der.h"

#define LEAF_INDEX_TYPE 0
#define LEAF_INDEX_LEN  5

void sctlist_init(struct sctlist *list, struct span ext_value)
{
    struct finding_set ignored = {{0, 0}};
    struct der outer = der_of(ext_value, &ignored);
    struct der_item item;
    struct cur cur;
    struct span scts;

    list->damaged = false;
    list->in = cur_of(SPAN_NONE);
    if (ext_value.at == NULL)
        return;
    if (!der_expect(&outer, DER_OCTET_STRING, &item)) {
        list->damaged = true;
        return;
    }
    cur = cur_of(item.value);
    scts = cur_vector(&cur, 2);
    list->damaged = !cur_done(&cur) || !der_done(&outer) || scts.len == 0;
    /* A list length that does not fit: what follows it may still be SCTs. */
    list->in = cur_of(cur.failed && item.value.len > 2 ? span_part(item.value, 2, item.value.len) : scts);
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

bool sctlist_next(struct sctlist *list, struct sctlist_item *item)
{
    struct cur in;
    bool odd;

    if (list->in.failed || list->in.at == list->in.end)
        return false;
    *item = (struct sctlist_item){.leaf_index = -1};
    item->whole = cur_vector(&list->in, 2);
    if (list->in.failed || item->whole.len == 0) {
        list->damaged = true;
        return !list->in.failed;
    }
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

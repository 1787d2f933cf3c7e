#include "lib/inner.h"
#include "parser/getentries.h"

/* One array serves both: the scanner writes what the caller reads. */
_Static_assert(sizeof(struct ctvigil_reply_item) == sizeof(struct getentries_item) &&
                   offsetof(struct ctvigil_reply_item, leaf_input) ==
                       offsetof(struct getentries_item, leaf_input) &&
                   offsetof(struct ctvigil_reply_item, extra_data) ==
                       offsetof(struct getentries_item, extra_data) &&
                   offsetof(struct ctvigil_bytes, data) == offsetof(struct span, at) &&
                   offsetof(struct ctvigil_bytes, size) == offsetof(struct span, len),
               "an item is laid out like the public one");

size_t ctvigil_reply_room(size_t json_size)
{
    return getentries_room(json_size);
}

bool ctvigil_reply_read(struct ctvigil_bytes json, void *room, struct ctvigil_reply_item *items,
                        size_t items_max, size_t *count, size_t *error_at)
{
    size_t end;
    bool good = getentries_scan(inner_span(json), room, (struct getentries_item *)(void *)items, items_max,
                                count, &end);

    *error_at = good ? 0 : end;
    return good;
}

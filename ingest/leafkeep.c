#include "ingest/leafkeep.h"

#include "base/limits.h"
#include "base/text.h"

static void add_bytes(struct leafkeep *keep, const struct entry *entry)
{
    struct span leaf = entry->leaf;
    buf_fmt(&keep->bytes, "%s{\"index\":%" PRIu64 ",\"leaf_input\":\"", keep->bytes.len > 1 ? "," : "",
            entry->index);
    char *at = (char *)buf_room(&keep->bytes, (leaf.len + 2) / 3 * 4 + 1);
    if (at == NULL)
        return;
    text_base64(leaf, at);
    keep->bytes.len--; /* the NUL */
    buf_str(&keep->bytes, "\"}");
}

void leafkeep_add(struct leafkeep *keep, const struct batch *batch, bool bytes)
{
    if (!keep->any || keep->end != batch->begin) {
        leafkeep_clear(keep);
        buf_init(&keep->bytes, LIMIT_EVIDENCE_BYTES);
        buf_init(&keep->hashes, 32 * LIMIT_EVIDENCE_LEAVES);
        buf_byte(&keep->bytes, '[');
        keep->any = true;
        keep->begin = batch->begin;
    }
    keep->end = batch->begin + batch->entry_count;
    keep->bytes_lost = keep->bytes_lost || !bytes || !buf_ok(&keep->bytes);
    for (size_t i = 0; i < batch->entry_count; i++) {
        if (!keep->bytes_lost)
            add_bytes(keep, &batch->entries[i]);
        buf_put(&keep->hashes, span_of(batch->entries[i].leaf_hash, 32));
    }
}

void leafkeep_clear(struct leafkeep *keep)
{
    if (keep->any) {
        buf_fini(&keep->bytes);
        buf_fini(&keep->hashes);
    }
    *keep = (struct leafkeep){.any = false};
}

const char *leafkeep_bytes(struct leafkeep *keep)
{
    if (!keep->any || keep->bytes_lost || !buf_ok(&keep->bytes))
        return NULL;
    /* The bracket stands behind the text and is not a part of it: more may follow. */
    buf_byte(&keep->bytes, ']');
    if (!buf_ok(&keep->bytes))
        return NULL;
    const char *text = buf_text(&keep->bytes);
    keep->bytes.len--;
    return text;
}

struct span leafkeep_hashes(const struct leafkeep *keep)
{
    return keep->any && buf_ok(&keep->hashes) ? buf_span(&keep->hashes) : SPAN_NONE;
}

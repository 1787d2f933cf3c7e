#include "watcher/lookahead.h"

void lookahead_init(struct lookahead *ahead, const struct watchset *set, const struct batch *batch)
{
    ahead->set = set;
    ahead->batch = batch;
    ahead->entry = 0;
    ahead->name = 0;
    ahead->count = 0;
    ahead->at = 0;
}

static void fill(struct lookahead *ahead)
{
    const struct batch *batch = ahead->batch;
    size_t count = 0;
    for (; ahead->entry < batch->entry_count; ahead->entry++) {
        const struct issuance *issuance = &batch->entries[ahead->entry].issuance;
        for (; ahead->name < issuance->name_count && count < LOOKAHEAD_NAMES; ahead->name++) {
            if (issuance->names[ahead->name].kind == NAME_DNS)
                ahead->names[count++] = issuance->names[ahead->name].text;
        }
        if (ahead->name < issuance->name_count)
            break;
        ahead->name = 0;
    }
    ahead->count = count;
    ahead->at = 0;
    ahead->key = 0;
    ahead->plain =
        !watchset_sift(ahead->set, ahead->names, count, ahead->keys, LOOKAHEAD_KEYS, &ahead->key_count);
}

void lookahead_find(struct lookahead *ahead, struct span name, watchset_hit *hit, void *arg)
{
    if (ahead->at == ahead->count)
        fill(ahead);
    must(ahead->at < ahead->count && ahead->names[ahead->at].at == name.at);
    size_t at = ahead->at++;
    if (ahead->plain) {
        watchset_find(ahead->set, name, hit, arg);
        return;
    }
    for (; ahead->key < ahead->key_count && ahead->keys[ahead->key].name == at; ahead->key++)
        watchset_find_sifted(ahead->set, &ahead->keys[ahead->key], name, hit, arg);
}

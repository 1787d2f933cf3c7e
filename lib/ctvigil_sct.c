#include "lib/inner.h"
#include "parser/sctlist.h"

struct walk {
    struct sctlist sctlist;
    struct sctlist_item item;
};

INNER(walk, struct walk, struct ctvigil_sct)

void ctvigil_sct_begin(struct ctvigil_sct *sct, const struct ctvigil_cert *cert)
{
    struct walk *walk = walk_of(sct);

    walk->item = (struct sctlist_item){.leaf_index = -1};
    sctlist_of(&walk->sctlist, inner_cert_in(cert));
}

bool ctvigil_sct_next(struct ctvigil_sct *sct)
{
    struct walk *walk = walk_of(sct);

    if (sctlist_next(&walk->sctlist, &walk->item))
        return true;
    walk->item = (struct sctlist_item){.leaf_index = -1};
    return false;
}

struct ctvigil_bytes ctvigil_sct_whole(const struct ctvigil_sct *sct)
{
    return inner_bytes(walk_in(sct)->item.whole);
}

int ctvigil_sct_version(const struct ctvigil_sct *sct)
{
    return walk_in(sct)->item.version;
}

bool ctvigil_sct_readable(const struct ctvigil_sct *sct)
{
    return walk_in(sct)->item.readable;
}

struct ctvigil_bytes ctvigil_sct_log_id(const struct ctvigil_sct *sct)
{
    return inner_bytes(walk_in(sct)->item.log_id);
}

uint64_t ctvigil_sct_timestamp_ms(const struct ctvigil_sct *sct)
{
    return walk_in(sct)->item.timestamp_ms;
}

struct ctvigil_bytes ctvigil_sct_extensions(const struct ctvigil_sct *sct)
{
    return inner_bytes(walk_in(sct)->item.extensions);
}

int64_t ctvigil_sct_leaf_index(const struct ctvigil_sct *sct)
{
    return walk_in(sct)->item.leaf_index;
}

int ctvigil_sct_hash_alg(const struct ctvigil_sct *sct)
{
    return walk_in(sct)->item.hash_alg;
}

int ctvigil_sct_sig_alg(const struct ctvigil_sct *sct)
{
    return walk_in(sct)->item.sig_alg;
}

struct ctvigil_bytes ctvigil_sct_signature(const struct ctvigil_sct *sct)
{
    return inner_bytes(walk_in(sct)->item.signature);
}

bool ctvigil_sct_damaged(const struct ctvigil_sct *sct)
{
    return walk_in(sct)->sctlist.damaged;
}

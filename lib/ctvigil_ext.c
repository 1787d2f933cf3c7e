#include "lib/inner.h"
#include "parser/ext.h"

struct walk {
    struct ext ext;
    struct ext_item item;
    struct finding_set ignored; /* noted when the certificate was read */
    bool lost;                  /* there may be extensions where nobody can walk */
};

INNER(walk, struct walk, struct ctvigil_ext)

void ctvigil_ext_begin(struct ctvigil_ext *ext, const struct ctvigil_cert *cert)
{
    struct walk *walk = walk_of(ext);

    *walk = (struct walk){.lost = ext_lost(inner_cert_in(cert))};
    ext_init(&walk->ext, inner_cert_in(cert)->exts, &walk->ignored);
}

bool ctvigil_ext_next(struct ctvigil_ext *ext)
{
    struct walk *walk = walk_of(ext);

    if (ext_next(&walk->ext, &walk->item))
        return true;
    walk->item = (struct ext_item){.critical = false};
    return false;
}

struct ctvigil_bytes ctvigil_ext_oid(const struct ctvigil_ext *ext)
{
    return inner_bytes(walk_in(ext)->item.oid);
}

bool ctvigil_ext_critical(const struct ctvigil_ext *ext)
{
    return walk_in(ext)->item.critical;
}

struct ctvigil_bytes ctvigil_ext_value(const struct ctvigil_ext *ext)
{
    return inner_bytes(walk_in(ext)->item.value);
}

struct ctvigil_bytes ctvigil_ext_whole(const struct ctvigil_ext *ext)
{
    return inner_bytes(walk_in(ext)->item.whole);
}

bool ctvigil_ext_damaged(const struct ctvigil_ext *ext)
{
    return walk_in(ext)->ext.damaged || walk_in(ext)->lost;
}

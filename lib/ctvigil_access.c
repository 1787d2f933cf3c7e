#include "lib/inner.h"
#include "parser/access.h"

struct walk {
    struct access access;
    struct access_item item;
};

INNER(walk, struct walk, struct ctvigil_access)

void ctvigil_access_begin(struct ctvigil_access *access, const struct ctvigil_cert *cert)
{
    struct walk *walk = walk_of(access);

    walk->item = (struct access_item){.location = {.kind = SAN_UNKNOWN_KIND}};
    access_init(&walk->access, inner_cert_in(cert)->aia);
}

bool ctvigil_access_next(struct ctvigil_access *access)
{
    struct walk *walk = walk_of(access);

    if (access_next(&walk->access, &walk->item))
        return true;
    walk->item = (struct access_item){.location = {.kind = SAN_UNKNOWN_KIND}};
    return false;
}

struct ctvigil_bytes ctvigil_access_method(const struct ctvigil_access *access)
{
    return inner_bytes(walk_in(access)->item.method);
}

int ctvigil_access_kind(const struct ctvigil_access *access)
{
    return (int)walk_in(access)->item.location.kind;
}

struct ctvigil_bytes ctvigil_access_value(const struct ctvigil_access *access)
{
    return inner_bytes(walk_in(access)->item.location.value);
}

bool ctvigil_access_damaged(const struct ctvigil_access *access)
{
    return walk_in(access)->access.damaged;
}

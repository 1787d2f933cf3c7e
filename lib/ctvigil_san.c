#include "lib/inner.h"
#include "parser/san.h"

#define SAME(public, private) _Static_assert((int)(public) == (int)(private), "a public number has changed")
SAME(CTVIGIL_SAN_OTHER_NAME, SAN_OTHER_NAME);
SAME(CTVIGIL_SAN_EMAIL, SAN_EMAIL);
SAME(CTVIGIL_SAN_DNS, SAN_DNS);
SAME(CTVIGIL_SAN_X400, SAN_X400);
SAME(CTVIGIL_SAN_DIRECTORY, SAN_DIRECTORY);
SAME(CTVIGIL_SAN_EDI_PARTY, SAN_EDI_PARTY);
SAME(CTVIGIL_SAN_URI, SAN_URI);
SAME(CTVIGIL_SAN_IP, SAN_IP);
SAME(CTVIGIL_SAN_REGISTERED_ID, SAN_REGISTERED_ID);
SAME(CTVIGIL_SAN_UNKNOWN, SAN_UNKNOWN_KIND);

struct walk {
    struct san san;
    struct san_item item;
    bool lost; /* the extension could stand where nobody can walk */
};

INNER(walk, struct walk, struct ctvigil_san)

void ctvigil_san_begin(struct ctvigil_san *san, const struct ctvigil_cert *cert)
{
    struct walk *walk = walk_of(san);

    walk->item = (struct san_item){.kind = SAN_UNKNOWN_KIND};
    walk->lost = ext_lost(inner_cert_in(cert));
    san_init(&walk->san, inner_cert_in(cert));
}

bool ctvigil_san_next(struct ctvigil_san *san)
{
    struct walk *walk = walk_of(san);

    if (san_next(&walk->san, &walk->item))
        return true;
    walk->item = (struct san_item){.kind = SAN_UNKNOWN_KIND};
    return false;
}

int ctvigil_san_kind(const struct ctvigil_san *san)
{
    return (int)walk_in(san)->item.kind;
}

struct ctvigil_bytes ctvigil_san_value(const struct ctvigil_san *san)
{
    return inner_bytes(walk_in(san)->item.value);
}

struct ctvigil_bytes ctvigil_san_whole(const struct ctvigil_san *san)
{
    return inner_bytes(walk_in(san)->item.whole);
}

bool ctvigil_san_damaged(const struct ctvigil_san *san)
{
    return walk_in(san)->san.damaged || walk_in(san)->lost;
}

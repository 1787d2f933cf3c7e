#include "trust/cafacts.h"

#include "model/cert.h"
#include "parser/nc.h"
#include "parser/tbs.h"
#include "verify/digest.h"

#define KEY_CERT_SIGN (0x8000u >> 5)

static bool readable(struct span names)
{
    struct nc nc;
    struct nc_item item;
    nc_init(&nc, names);
    while (nc_next(&nc, &item)) {
    }
    return !nc.damaged;
}

bool cafacts_read(struct span der, struct cafacts *facts)
{
    struct cert cert;
    *facts = (struct cafacts){.path_len = -1};
    (void)tbs_read_certificate(der, &cert);
    if (cert.spki.at == NULL || cert.subject.at == NULL || cert.issuer.at == NULL)
        return false;
    digest_sha256(der, facts->sha256);
    digest_sha256(cert.spki, facts->key);
    digest_sha256(cert.subject, facts->subject);
    digest_sha256(cert.issuer, facts->issuer);
    const struct span place[2] = {cert.issuer, cert.serial};
    digest_sha256_pieces(place, 2, facts->issuer_serial);
    facts->not_before = cert.not_before;
    facts->not_after = cert.not_after;
    facts->read = true;
    facts->self_issued = span_eq(cert.subject, cert.issuer);
    facts->path_len = cert.path_len;
    facts->may_issue = ((cert.flags & CERT_IS_CA) != 0 || cert.version == 1) &&
                       (cert.key_usage.at == NULL || (cert.key_usage_bits & KEY_CERT_SIGN) != 0);
    facts->for_tls =
        (cert.flags & CERT_HAS_EKU) == 0 || (cert.flags & (CERT_SERVER_AUTH | CERT_ANY_EKU)) != 0;
    facts->names = cert.name_constraints;
    facts->name = cert.subject;
    facts->odd_names = cert.name_constraints.at != NULL && !readable(cert.name_constraints);
    return true;
}

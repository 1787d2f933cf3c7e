#include "ingest/certkeep.h"

#include "base/say.h"
#include "parser/tbs.h"
#include "verify/digest.h"

static void issuer_save(struct settle *settle, const struct issuers_want *want, struct span der)
{
    struct cert cert = {.der = SPAN_NONE};
    struct store_ca ca = {.log_id = want->log_id, .der = der};
    memcpy(ca.sha256, want->sha256, sizeof(ca.sha256));
    if (tbs_read_certificate(der, &cert))
        digest_sha256(cert.spki, ca.spki_sha256);
    ca.subject = cert.subject;
    struct err why;
    enum err_code code;
    do {
        err_clear(&why);
        code = settle->store->ops->issuer_cert_put(settle->store, &ca, &why);
    } while (settle_again(settle, code, &why));
    if (code != ERR_OK)
        say_error("ingest", "issuer certificate: %s", why.text);
    issuers_saved(settle->plant->issuers, want);
}

void certkeep_save(struct settle *settle, const struct follow *follow)
{
    struct issuers *issuers = settle->plant->issuers;
    struct issuers_want want;
    struct span der;
    /* As many as a log may have open: after one that makes them up the others have their turn. */
    for (unsigned i = 0; i < LIMIT_ISSUERS_OPEN; i++) {
        arena_reset(&settle->arena, LIMIT_ISSUER_BYTES);
        if (!issuers_unsaved(issuers, follow->log.id, &settle->arena, &want, &der))
            return;
        issuer_save(settle, &want, der);
    }
}

void certkeep_serve(struct settle *settle, const struct follow *follow)
{
    struct plant *plant = settle->plant;
    struct issuers_want want;
    struct span der;
    bool any = false;
    while (issuers_lookup(plant->issuers, follow->log.id, &want)) {
        struct err why;
        enum err_code code;
        do {
            err_clear(&why);
            arena_reset(&settle->arena, LIMIT_ISSUER_BYTES);
            der = SPAN_NONE;
            code =
                settle->store->ops->issuer_cert_get(settle->store, want.sha256, &settle->arena, &der, &why);
        } while (settle_again(settle, code, &why));
        if (code != ERR_OK || der.at == NULL || !issuers_found(plant->issuers, &want, der, true))
            issuers_not_stored(plant->issuers, &want);
        any = true;
    }
    certkeep_save(settle, follow);
    if (any)
        plant_wake(plant);
}

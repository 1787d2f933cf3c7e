#include "cli/searchissuer.h"

#include <stdlib.h>

#include "base/text.h"
#include "cli/allow.h"

enum err_code searchissuer_read(struct query *query, struct err *warning, struct err *why)
{
    struct watch_allow allow = {.label = NULL};
    if (strncmp(query->issuer, "cert:", 5) != 0)
        return ERR_OK;
    enum err_code code = allow_parse(query->issuer, &allow, warning, why);
    if (code == ERR_OK)
        (void)text_hex(span_of(allow.spki_sha256, 32), query->issuer);
    free(allow.label);
    return code;
}

static void on_key(void *arg, const struct watch_allow *allow)
{
    struct searchissuer *issuer = arg;
    uint8_t(*grown)[32] = reallocarray(issuer->keys, issuer->count + 1, sizeof *grown);
    must(grown != NULL);
    issuer->keys = grown;
    memcpy(grown[issuer->count++], allow->spki_sha256, 32);
}

enum err_code searchissuer_find(struct searchissuer *issuer, struct query *query, struct err *warning,
                                struct err *why)
{
    struct err own = {0};
    bool owner = strncmp(query->issuer, "ca:", 3) == 0;
    if (!watch_allow_by_name(query->issuer))
        return ERR_OK;
    enum err_code code = allow_resolve(query->issuer, on_key, issuer, warning, &own);
    if (code == ERR_USAGE && !owner)
        code = ERR_OK; /* a name with a dot in it */
    else if (code == ERR_USAGE)
        (void)err_set(why, code, "issuer %s; a part of an issuer's name is written without ca:", own.text);
    else if (code != ERR_OK)
        (void)err_set(why, code, "%s", own.text);
    query->issuer_keys = (const uint8_t(*)[32])issuer->keys;
    query->issuer_key_count = issuer->count;
    query->issuer_by_key = owner;
    return code;
}

void searchissuer_free(struct searchissuer *issuer)
{
    free(issuer->keys);
    *issuer = (struct searchissuer){0};
}

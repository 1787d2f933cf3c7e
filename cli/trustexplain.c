#include "cli/trustexplain.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/limits.h"
#include "base/text.h"
#include "cli/certfind.h"
#include "cli/pem.h"
#include "cli/trustset.h"
#include "cli/trustview.h"
#include "db/db_cacert.h"
#include "ingest/examine.h"
#include "model/dname.h"
#include "parser/sctlist.h"
#include "parser/tbs.h"
#include "verify/certsig.h"
#include "verify/digest.h"

#define FILE_MAX     (4u << 20)
#define CHAIN_MAX    16
#define SAY_UNPROVEN "nobody who signed it is known: it is judged by the name of its issuer alone"

struct explaining {
    const struct cmd *cmd;
    const char *what;
    struct arena arena;
    struct span chain[CHAIN_MAX]; /* the certificate, and others of its file */
    size_t count;
    struct cert cert;
    struct issuance issuance;
    uint8_t sha256[32];
    struct cagraph *graph;
    struct pgconn *conn;
    bool proven;
};

static bool is_hash(const char *text, uint8_t hash[32])
{
    return strlen(text) == 64 && text_unhex(span_str(text), hash, 32) && access(text, F_OK) != 0;
}

static enum err_code read_file(struct explaining *x, struct err *why)
{
    FILE *file = fopen(x->what, "rb");
    if (file == NULL)
        return err_set(why, ERR_USAGE, "%s: %s", x->what, strerror(errno));
    uint8_t *bytes = arena_take(&x->arena, FILE_MAX, 1);
    must(bytes != NULL);
    size_t len = fread(bytes, 1, FILE_MAX, file);
    (void)fclose(file);
    struct span text = span_of(bytes, len);
    if (!pem_is(text)) {
        x->chain[x->count++] = text;
        return ERR_OK;
    }
    struct pem pem = pem_of(text);
    struct pem_block block;
    while (x->count < CHAIN_MAX && pem_next(&pem, &block)) {
        uint8_t *der = arena_take(&x->arena, block.body.len + 1, 1);
        size_t der_len = 0;
        must(der != NULL);
        if (span_eq(block.label, SPAN_LIT("CERTIFICATE")) && pem_decode(block.body, der, &der_len))
            x->chain[x->count++] = span_of(der, der_len);
    }
    return x->count != 0 ? ERR_OK : err_set(why, ERR_FORMAT, "%s: no certificate in it", x->what);
}

/* Its key, if it is the key that signed. */
static bool try_issuer(void *arg, struct span der)
{
    struct explaining *x = arg;
    struct cert issuer;
    (void)tbs_read_certificate(der, &issuer);
    if (issuer.spki.at == NULL || !certsig_verify(x->cert.der, issuer.spki))
        return true;
    digest_sha256(issuer.spki, x->issuance.issuer_spki_sha256);
    x->proven = true;
    return false;
}

static enum err_code find_issuer(struct explaining *x, struct err *why)
{
    for (size_t i = 1; i < x->count && !x->proven; i++)
        (void)try_issuer(x, x->chain[i]);
    if (x->proven)
        return ERR_OK;
    enum err_code code = db_cacert_named(x->conn, x->cert.issuer, try_issuer, x, why);
    if (code != ERR_OK || x->proven)
        return code;
    uint8_t name[32];
    digest_sha256(x->cert.issuer, name);
    const struct cagraph_ca *ca = cagraph_named(x->graph, name);
    if (ca != NULL)
        memcpy(x->issuance.issuer_spki_sha256, ca->key, 32);
    return ERR_OK;
}

static struct cajudge_leaf leaf_of(struct explaining *x)
{
    struct cajudge_leaf leaf = cajudge_leaf_of(&x->issuance, NULL, clock_wall_ms());
    struct sctlist list;
    struct sctlist_item item;
    sctlist_of(&list, &x->cert);
    while (sctlist_next(&list, &item)) {
        int64_t at = item.readable ? (int64_t)item.timestamp_ms : 0;
        if (at > 0 && (leaf.seen_ms == 0 || at < leaf.seen_ms))
            leaf.seen_ms = at;
    }
    leaf.seen_first = leaf.seen_ms != 0;
    return leaf;
}

/* What a certificate would meet that this CA issues today. */
static struct cajudge_leaf leaf_of_ca(const uint8_t subject[32], const uint8_t key[32])
{
    int64_t now = clock_wall_ms();
    struct cajudge_leaf leaf = {.not_before = now / 1000, .seen_ms = now, .seen_first = true, .at_ms = now};
    memcpy(leaf.issuer, subject, 32);
    memcpy(leaf.key, key, 32);
    return leaf;
}

static void show(struct explaining *x, const struct cajudge_leaf *leaf, bool ca)
{
    struct verdict_all all;
    char hex[65];
    cajudge(x->graph, leaf, &all);
    if (x->cmd->json) {
        json_t *object = trustview_json(x->graph, leaf, &all);
        must(object != NULL);
        must(json_object_set_new(object, "sha256", cmd_json_hex(span_of(x->sha256, 32))) == 0 &&
             json_object_set_new(object, "ca", json_boolean(ca)) == 0 &&
             json_object_set_new(object, "issuer_spki_sha256", cmd_json_hex(span_of(leaf->key, 32))) == 0 &&
             json_object_set_new(object, "issuer_proven", json_boolean(x->proven || ca)) == 0);
        cmd_print_json(object);
    } else {
        printf("Certificate %s\n", text_hex(span_of(x->sha256, 32), hex));
        if (ca)
            printf("A CA certificate: what a certificate would meet that this CA issues today\n");
        printf("%s spki:%s\n", ca ? "Its key:" : "Issuer's key:", text_hex(span_of(leaf->key, 32), hex));
        if (!x->proven && !ca)
            printf("%s\n", SAY_UNPROVEN);
        trustview_print(x->graph, leaf, &all);
    }
    trustview_warn(x->graph, clock_wall_ms());
}

static enum err_code explain_cert(struct explaining *x, struct err *why)
{
    if (!examine_certificate(x->chain[0], &x->arena, &x->cert, &x->issuance, x->sha256))
        return err_set(why, ERR_FORMAT, "%s: the certificate can not be read", x->what);
    if ((x->cert.flags & CERT_IS_CA) != 0) {
        uint8_t subject[32];
        uint8_t key[32];
        digest_sha256(x->cert.subject, subject);
        digest_sha256(x->cert.spki, key);
        struct cajudge_leaf leaf = leaf_of_ca(subject, key);
        show(x, &leaf, true);
        return ERR_OK;
    }
    enum err_code code = find_issuer(x, why);
    if (code != ERR_OK)
        return code;
    struct cajudge_leaf leaf = leaf_of(x);
    show(x, &leaf, false);
    return ERR_OK;
}

static enum err_code explain(struct explaining *x, struct err *why)
{
    enum err_code code = cmd_db_open(x->cmd, &x->conn, why);
    if (code == ERR_OK)
        code = trustset_pin(x->conn, &x->graph, why);
    if (code != ERR_OK)
        return code;
    if (!is_hash(x->what, x->sha256)) {
        code = read_file(x, why);
        return code == ERR_OK ? explain_cert(x, why) : code;
    }
    uint32_t at = cagraph_cert_find(x->graph, x->sha256);
    if (at != CAPATH_NONE) {
        const struct cafacts *facts = cagraph_cert(x->graph, at);
        struct cajudge_leaf leaf = leaf_of_ca(facts->subject, facts->key);
        show(x, &leaf, true);
        return ERR_OK;
    }
    /* It opens the database itself. */
    cmd_db_close(x->conn);
    x->conn = NULL;
    code = certfind_get(x->cmd, x->what, x->sha256, &x->arena, &x->chain[0], why);
    x->count = 1;
    if (code == ERR_OK)
        code = cmd_db_open(x->cmd, &x->conn, why);
    return code == ERR_OK ? explain_cert(x, why) : code;
}

int trustexplain_run(const struct cmd *cmd, const char *what)
{
    struct explaining *x = calloc(1, sizeof *x);
    struct err why = {0};
    must(x != NULL);
    x->cmd = cmd;
    x->what = what;
    enum err_code code = ERR_OK;
    if (!arena_init(&x->arena, (size_t)LIMIT_BIG_BATCH_BYTES))
        code = err_set(&why, ERR_MEMORY, "no address space");
    if (code == ERR_OK)
        code = explain(x, &why);
    arena_fini(&x->arena);
    cagraph_unpin(x->graph);
    trustset_forget();
    if (x->conn != NULL)
        cmd_db_close(x->conn);
    free(x);
    return code == ERR_OK ? CMD_OK : cmd_fail(&why);
}

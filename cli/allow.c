#include "cli/allow.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/limits.h"
#include "base/text.h"
#include "cli/caafind.h"
#include "cli/cmd.h"
#include "cli/pem.h"
#include "parser/der.h"
#include "parser/tbs.h"
#include "verify/digest.h"

static enum err_code allow_spki(const char *hex, struct watch_allow *allow, struct err *why)
{
    if (strlen(hex) == 64 && text_unhex(span_str(hex), allow->spki_sha256, 32))
        return ERR_OK;
    return err_set(why, ERR_USAGE, "spki:%s: 64 hex digits are needed, the SHA-256 of the CA's key", hex);
}

static enum err_code allow_read(const char *path, uint8_t *bytes, size_t cap, struct span *read,
                                struct err *why)
{
    FILE *file = path[0] == '\0' ? NULL : fopen(path, "rb");
    if (path[0] == '\0')
        return err_set(why, ERR_USAGE, "cert: names no file; write cert:FILE");
    if (file == NULL)
        return err_set(why, ERR_USAGE, "cert:%s: %s", path, strerror(errno));
    size_t len = fread(bytes, 1, cap, file);
    bool failed = ferror(file) != 0;
    (void)fclose(file);
    if (failed)
        return err_set(why, ERR_USAGE, "cert:%s: it can not be read", path);
    if (len == cap)
        return err_set(why, ERR_USAGE, "cert:%s: larger than %zu bytes", path, cap - 1);
    *read = span_of(bytes, len);
    return ERR_OK;
}

/* The first block with that label of a PEM file; decoded in place, which base64 allows because it only
 * shrinks. */
static bool allow_der(uint8_t *bytes, const char *label, struct span *der, bool *more)
{
    struct pem pem = pem_of(*der);
    struct pem_block block;
    size_t len = 0;
    if (!pem_is(*der))
        return true;
    do {
        if (!pem_next(&pem, &block))
            return false;
    } while (!span_eq(block.label, span_str(label)));
    struct pem_block next;
    *more = pem_next(&pem, &next) && span_eq(next.label, span_str(label));
    if (!pem_decode(block.body, bytes, &len))
        return false;
    *der = span_of(bytes, len);
    return true;
}

static enum err_code allow_cert(const char *path, struct watch_allow *allow, struct err *warning,
                                struct err *why)
{
    struct cert cert;
    struct span der = SPAN_NONE;
    bool more = false;
    uint8_t *bytes = malloc(2 * LIMIT_ISSUER_BYTES);
    must(bytes != NULL);
    enum err_code code = allow_read(path, bytes, LIMIT_ISSUER_BYTES, &der, why);
    uint8_t *decoded = bytes + LIMIT_ISSUER_BYTES;
    bool readable = code == ERR_OK && allow_der(decoded, "CERTIFICATE", &der, &more) &&
                    tbs_read_certificate(der, &cert) && cert.spki.at != NULL;
    if (code == ERR_OK && !readable)
        code = err_set(why, ERR_USAGE, "cert:%s: it holds no certificate that can be read", path);
    if (readable) {
        digest_sha256(cert.spki, allow->spki_sha256);
        if ((cert.flags & CERT_IS_CA) == 0)
            (void)err_set(warning, ERR_USAGE, "cert:%s is not the certificate of a CA; its key signs nothing",
                          path);
        else if (more)
            (void)err_set(warning, ERR_USAGE, "cert:%s holds more than one certificate; the first one counts",
                          path);
    }
    free(bytes);
    return code;
}

enum err_code allow_parse(const char *given, struct watch_allow *allow, struct err *warning, struct err *why)
{
    enum err_code code;
    if (strncmp(given, "spki:", 5) == 0)
        code = allow_spki(given + 5, allow, why);
    else if (strncmp(given, "cert:", 5) == 0)
        code = allow_cert(given + 5, allow, warning, why);
    else
        code = err_set(why, ERR_USAGE, "'%s' is neither spki:HEX nor cert:FILE", given);
    if (code != ERR_OK)
        return code;
    allow->label = strdup(given);
    must(allow->label != NULL);
    return ERR_OK;
}

enum err_code allow_resolve(const char *given, allow_each *each, void *arg, struct err *warning,
                            struct err *why)
{
    struct watch_allow allow = {.label = NULL};
    if (strncmp(given, "spki:", 5) != 0 && strncmp(given, "cert:", 5) != 0)
        return caafind_keys(cmd_db_is_open() ? cmd_db_dsn() : NULL, given, each, arg, warning, why);
    enum err_code code = allow_parse(given, &allow, warning, why);
    if (code != ERR_OK)
        return code;
    each(arg, &allow);
    free(allow.label);
    return ERR_OK;
}

/* CertificationRequest (RFC 2986 section 4): the key is the third member of its first one. */
static struct span allow_csr_key(struct span der)
{
    struct finding_set findings = {{0, 0}};
    struct der outer = der_of(der, &findings);
    struct der_item item = {0};
    if (!der_next(&outer, &item) || item.tag != DER_SEQUENCE)
        return SPAN_NONE;
    struct der request = der_of(item.value, &findings);
    if (!der_next(&request, &item) || item.tag != DER_SEQUENCE)
        return SPAN_NONE;
    struct der info = der_of(item.value, &findings);
    static const uint32_t tags[] = {DER_INTEGER, DER_SEQUENCE, DER_SEQUENCE};
    for (size_t i = 0; i < countof(tags); i++)
        if (!der_next(&info, &item) || item.tag != tags[i])
            return SPAN_NONE;
    return item.whole;
}

static enum err_code allow_csr(const char *path, struct watch_allow *key, struct err *why)
{
    struct span der = SPAN_NONE;
    bool more = false;
    uint8_t *bytes = malloc(2 * LIMIT_ISSUER_BYTES);
    must(bytes != NULL);
    enum err_code code = allow_read(path, bytes, LIMIT_ISSUER_BYTES, &der, why);
    struct span spki = SPAN_NONE;
    if (code == ERR_OK && (allow_der(bytes + LIMIT_ISSUER_BYTES, "CERTIFICATE REQUEST", &der, &more) ||
                           allow_der(bytes + LIMIT_ISSUER_BYTES, "NEW CERTIFICATE REQUEST", &der, &more)))
        spki = allow_csr_key(der);
    if (code == ERR_OK && spki.at == NULL)
        code = err_set(why, ERR_USAGE, "csr:%s: it holds no certificate request that can be read", path);
    if (code == ERR_OK)
        digest_sha256(spki, key->spki_sha256);
    free(bytes);
    return code;
}

enum err_code allow_key(const char *given, struct watch_allow *key, struct err *why)
{
    struct err warning = {0};
    const char *hex =
        strncmp(given, "spki:", 5) == 0 || strncmp(given, "tbs:", 4) == 0 ? strchr(given, ':') + 1 : given;
    enum err_code code = ERR_OK;
    if (strncmp(given, "cert:", 5) == 0)
        code = allow_cert(given + 5, key, &warning, why);
    else if (strncmp(given, "csr:", 4) == 0)
        code = allow_csr(given + 4, key, why);
    else if (strlen(hex) != 64 || !text_unhex(span_str(hex), key->spki_sha256, 32))
        code = err_set(why, ERR_USAGE, "'%s': a SHA-256 of 64 hex digits, cert:FILE or csr:FILE is wanted",
                       given);
    if (code != ERR_OK)
        return code;
    key->label = strdup(given);
    must(key->label != NULL);
    return ERR_OK;
}

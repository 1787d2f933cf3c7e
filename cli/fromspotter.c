#include "cli/fromspotter.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <arpa/inet.h>
#include <jansson.h>

#include "base/arena.h"
#include "base/dns.h"
#include "base/limits.h"
#include "base/text.h"
#include "cli/pem.h"
#include "ingest/examine.h"
#include "model/dname.h"
#include "parser/tbs.h"
#include "verify/digest.h"
#include "watcher/rule_type.h"

#define NAMES_BYTES (32u << 20)
#define MARK        ".notified"

struct walk {
    struct fromspotter *reading;
    struct arena arena;
    json_t *told; /* hashes of .HASH.notified */
    json_t *done; /* those that had a .pem */
    uint64_t files;
};

static void odd(struct walk *walk, const char *path, const char *what)
{
    char shown[200];
    if (walk->reading->passed++ == 0)
        (void)snprintf(walk->reading->first, sizeof walk->reading->first, "%s: %s",
                       text_visible_str(span_str(path), shown, sizeof shown), what);
}

static void free_names(struct watch_words *names)
{
    for (size_t i = 0; i < names->count; i++)
        free(names->at[i]);
    free(names->at);
    *names = (struct watch_words){0};
}

/* NULL: it can not be read, or is larger than anything of certspotter. */
static uint8_t *load(const char *path, size_t *len)
{
    struct stat st;
    int fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
    uint8_t *bytes = NULL;
    *len = 0;
    if (fd >= 0 && fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && st.st_size <= (off_t)LIMIT_OWN_FILE) {
        bytes = malloc((size_t)st.st_size + 1);
        must(bytes != NULL);
        ssize_t got = 1;
        while (got > 0 && *len < (size_t)st.st_size) {
            got = read(fd, bytes + *len, (size_t)st.st_size - *len);
            *len += got > 0 ? (size_t)got : 0;
        }
        bytes[*len] = '\0';
    }
    if (fd >= 0)
        (void)close(fd);
    return bytes;
}

static void add_name(struct watch_words *names, const struct name *name)
{
    char text[DNS_TEXT_MAX + INET6_ADDRSTRLEN];
    if (names->count >= LIMIT_KNOWN_NAMES)
        return;
    if (name->kind == NAME_IP && (name->raw.len == 4 || name->raw.len == 16))
        must(inet_ntop(name->raw.len == 4 ? AF_INET : AF_INET6, name->raw.at, text, sizeof text) != NULL);
    else if (name->kind == NAME_DNS && (name->flags & NAME_PLACEHOLDER) == 0 && name->text.len < DNS_TEXT_MAX)
        (void)snprintf(text, sizeof text, "%.*s", (int)name->text.len, (const char *)name->text.at);
    else
        return;
    must(watch_words_add(names, text));
}

/* The certificate behind the first one that has its issuer's name: whose key it says it is. */
static bool issuer_of(struct pem *pem, struct span issuer, struct arena *arena, uint8_t key[32])
{
    struct pem_block block;
    while (pem_next(pem, &block)) {
        struct cert cert;
        size_t len = 0;
        uint8_t *der = arena_take(arena, block.body.len + 1, 1);
        if (der == NULL || !pem_decode(block.body, der, &len) ||
            !tbs_read_certificate(span_of(der, len), &cert) || !span_eq(cert.subject, issuer))
            continue;
        digest_sha256(cert.spki, key);
        return true;
    }
    return false;
}

static bool was_told(const struct walk *walk, const uint8_t hash[32])
{
    char hex[65];
    return json_object_get(walk->told, text_hex(span_of(hash, 32), hex)) != NULL;
}

static enum err_code on_pem(struct walk *walk, const char *path, struct span text, struct err *why)
{
    struct pem pem = pem_of(text);
    struct pem_block block;
    struct cert cert;
    struct issuance issuance;
    uint8_t sha256[32];
    uint8_t issuer_key[32];
    char ref[65];
    char serial[80] = "";
    size_t len = 0;
    arena_reset(&walk->arena, NAMES_BYTES);
    uint8_t *der = arena_take(&walk->arena, text.len + 1, 1);
    if (der == NULL || !pem_next(&pem, &block) || !pem_decode(block.body, der, &len) ||
        !examine_certificate(span_of(der, len), &walk->arena, &cert, &issuance, sha256) ||
        cert.spki.at == NULL) {
        odd(walk, path, "no certificate in it that can be read");
        return ERR_OK;
    }
    struct buf issuer;
    struct buf key_type;
    buf_init(&issuer, 4096);
    buf_init(&key_type, 64);
    dname_text(issuance.issuer, &issuer);
    rule_type_key(&issuance, &key_type);
    if (issuance.serial.len < 40)
        (void)text_hex(issuance.serial, serial);
    struct db_known known = {.source = "certspotter",
                             .ref = text_hex(span_of(issuance.tbs_fp, 32), ref),
                             .serial = serial + strspn(serial, "0"),
                             .issuer = buf_text(&issuer),
                             .spki_sha256 = span_of(issuance.spki_sha256, 32),
                             .tbs_fp = span_of(issuance.tbs_fp, 32),
                             .key_type = buf_text(&key_type),
                             .not_before = issuance.not_before,
                             .not_after = issuance.not_after,
                             .accepted = was_told(walk, sha256) || was_told(walk, issuance.tbs_fp)};
    for (size_t i = 0; i < issuance.name_count; i++)
        add_name(&known.names, &issuance.names[i]);
    if (issuer_of(&pem, issuance.issuer, &walk->arena, issuer_key))
        known.issuer_spki = span_of(issuer_key, 32);
    enum err_code code = walk->reading->each(walk->reading->arg, &known, why);
    free_names(&known.names);
    buf_fini(&issuer);
    buf_fini(&key_type);
    return code;
}

static bool read_hash(const json_t *root, const char *key, uint8_t out[32])
{
    const char *hex = json_string_value(json_object_get(root, key));
    return hex != NULL && strlen(hex) == 64 && text_unhex(span_str(hex), out, 32);
}

static bool read_time(const json_t *root, const char *key, int64_t *seconds)
{
    int64_t ms = 0;
    const char *text = json_string_value(json_object_get(root, key));
    if (text == NULL || !text_parse_time(span_str(text), &ms))
        return false;
    *seconds = ms / 1000;
    return true;
}

static void add_texts(const json_t *list, struct watch_words *names)
{
    for (size_t i = 0; i < json_array_size(list) && names->count < LIMIT_KNOWN_NAMES; i++) {
        char plain[DNS_TEXT_MAX];
        char whole[DNS_TEXT_MAX + 2];
        struct in6_addr ip;
        struct err ignored = {0};
        const char *text = json_string_value(json_array_get(list, i));
        bool wild = text != NULL && strncmp(text, "*.", 2) == 0;
        if (text == NULL)
            continue;
        if (inet_pton(AF_INET, text, &ip) == 1 || inet_pton(AF_INET6, text, &ip) == 1) {
            must(watch_words_add(names, text));
        } else if (dns_from_user(text + (wild ? 2 : 0), plain, &ignored) == ERR_OK) {
            (void)snprintf(whole, sizeof whole, "%s%s", wild ? "*." : "", plain);
            must(watch_words_add(names, whole));
        }
    }
}

/* Where the certificate itself was not kept. */
static enum err_code on_json(struct walk *walk, const char *path, const char *hash, struct span text,
                             struct err *why)
{
    json_error_t error;
    uint8_t tbs[32];
    uint8_t spki[32];
    char ref[65];
    struct db_known known = {.source = "certspotter", .serial = "", .issuer = "", .key_type = ""};
    json_t *root = json_loadb((const char *)text.at, text.len, 0, &error);
    if (!read_hash(root, "tbs_sha256", tbs) || !read_time(root, "not_before", &known.not_before) ||
        !read_time(root, "not_after", &known.not_after)) {
        odd(walk, path, root == NULL ? "not JSON" : "tbs_sha256, not_before or not_after is missing");
        json_decref(root);
        return ERR_OK;
    }
    known.ref = text_hex(span_of(tbs, 32), ref);
    known.tbs_fp = span_of(tbs, 32);
    known.accepted = was_told(walk, tbs) || json_object_get(walk->told, hash) != NULL;
    if (read_hash(root, "pubkey_sha256", spki))
        known.spki_sha256 = span_of(spki, 32);
    add_texts(json_object_get(root, "dns_names"), &known.names);
    add_texts(json_object_get(root, "ip_addresses"), &known.names);
    enum err_code code = walk->reading->each(walk->reading->arg, &known, why);
    free_names(&known.names);
    json_decref(root);
    return code;
}

/* "HASH" of "HASHEND". */
static bool hash_of(const char *name, const char *end, char out[65])
{
    uint8_t bytes[32];
    if (strlen(name) != 64 + strlen(end) || strcmp(name + 64, end) != 0 ||
        !text_unhex(span_of(name, 64), bytes, 32))
        return false;
    (void)text_hex(span_of(bytes, 32), out);
    return true;
}

enum pass { PASS_MARKS, PASS_PEM, PASS_JSON };

static enum err_code on_file(struct walk *walk, enum pass pass, const char *dir, const char *name,
                             struct err *why)
{
    char path[4096 + 256];
    char hash[65] = "";
    size_t len = 0;
    enum err_code code = ERR_OK;
    if (pass == PASS_MARKS) {
        if (name[0] == '.' && hash_of(name + 1, MARK, hash))
            must(json_object_set_new(walk->told, hash, json_true()) == 0);
        return ERR_OK;
    }
    bool pem = hash_of(name, ".pem", hash) || hash_of(name, ".cert.pem", hash) ||
               hash_of(name, ".precert.pem", hash);
    bool json = !pem && hash_of(name, ".v1.json", hash) && json_object_get(walk->done, hash) == NULL;
    if ((pass == PASS_PEM && !pem) || (pass == PASS_JSON && !json))
        return ERR_OK;
    if (++walk->files > LIMIT_KNOWN_FILES)
        return err_set(why, ERR_TOO_BIG, "%s: more than %d certificates", dir, LIMIT_KNOWN_FILES);
    (void)snprintf(path, sizeof path, "%s/%s", dir, name);
    uint8_t *bytes = load(path, &len);
    if (bytes == NULL)
        odd(walk, path, "it can not be read");
    else
        code = pem ? on_pem(walk, path, span_of(bytes, len), why)
                   : on_json(walk, path, hash, span_of(bytes, len), why);
    if (pem)
        must(json_object_set_new(walk->done, hash, json_true()) == 0);
    free(bytes);
    return code;
}

/* certs/XX, by name. */
static enum err_code on_pass(struct walk *walk, enum pass pass, const char *certs, struct err *why)
{
    enum err_code code = ERR_OK;
    for (unsigned i = 0; code == ERR_OK && i < 256; i++) {
        char dir[4096];
        struct dirent **names = NULL;
        (void)snprintf(dir, sizeof dir, "%s/%02x", certs, i);
        int count = scandir(dir, &names, NULL, alphasort);
        for (int n = 0; n < count; n++) {
            if (code == ERR_OK)
                code = on_file(walk, pass, dir, names[n]->d_name, why);
            free(names[n]);
        }
        free(names);
    }
    return code;
}

enum err_code fromspotter_read(const char *dir, struct fromspotter *reading, struct err *why)
{
    char certs[4096];
    struct stat st;
    struct walk walk = {.reading = reading};
    int len = snprintf(certs, sizeof certs, "%s/certs", dir);
    if (len > 0 && len < (int)sizeof certs && (stat(certs, &st) != 0 || !S_ISDIR(st.st_mode)))
        len = snprintf(certs, sizeof certs, "%s", dir);
    const char *last =
        strrchr(dir, '/') != NULL && strrchr(dir, '/')[1] != '\0' ? strrchr(dir, '/') + 1 : dir;
    if (len < 0 || len >= (int)sizeof certs || stat(certs, &st) != 0)
        return err_set(why, ERR_USAGE, "%s: %s", dir, strerror(errno == 0 ? ENAMETOOLONG : errno));
    if (!S_ISDIR(st.st_mode) || (strcmp(certs, dir) == 0 && strncmp(last, "certs", 5) != 0))
        return err_set(why, ERR_USAGE, "%s: no state directory of certspotter: it has no folder certs", dir);
    if (!arena_init(&walk.arena, NAMES_BYTES + LIMIT_OWN_FILE))
        return err_set(why, ERR_MEMORY, "no memory for names");
    walk.told = json_object();
    walk.done = json_object();
    must(walk.told != NULL && walk.done != NULL);
    enum err_code code = on_pass(&walk, PASS_MARKS, certs, why);
    if (code == ERR_OK)
        code = on_pass(&walk, PASS_PEM, certs, why);
    if (code == ERR_OK)
        code = on_pass(&walk, PASS_JSON, certs, why);
    json_decref(walk.told);
    json_decref(walk.done);
    arena_fini(&walk.arena);
    return code;
}

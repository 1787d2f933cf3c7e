#include "cli/ownfiles.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/limits.h"
#include "cli/kubesecret.h"
#include "cli/pem.h"
#include "ingest/examine.h"
#include "parser/csr.h"
#include "parser/names.h"
#include "verify/digest.h"
#include "verify/ownkey.h"

#define NAMES_BYTES (32u << 20) /* 100,000 names of one certificate */

struct walk {
    struct ownfiles *files;
    struct arena arena;
    const char *file; /* at hand */
    size_t found;     /* in it */
    bool own;         /* its first certificate was met, which those behind it belong to */
};

static void odd(struct walk *walk, const char *what)
{
    walk->found++;
    walk->files->odd(walk->files->arg, walk->file, what);
}

static void tell(struct walk *walk, struct ownfiles_item *item)
{
    walk->found++;
    item->file = walk->file;
    walk->files->each(walk->files->arg, item);
}

static bool on_certificate(struct walk *walk, struct span der)
{
    struct cert cert;
    struct issuance issuance;
    struct ownfiles_item item = {.kind = OWNFILES_CERTIFICATE};
    uint8_t sha256[32];
    arena_reset(&walk->arena, NAMES_BYTES);
    if (!examine_certificate(der, &walk->arena, &cert, &issuance, sha256) || cert.spki.at == NULL)
        return false;
    item.is_ca = (cert.flags & CERT_IS_CA) != 0;
    /* The chain behind a certificate is the CA's business. */
    if (item.is_ca && walk->own)
        return true;
    walk->own = true;
    memcpy(item.spki_sha256, issuance.spki_sha256, 32);
    memcpy(item.tbs_fp, issuance.tbs_fp, 32);
    item.names = issuance.names;
    item.name_count = issuance.name_count;
    tell(walk, &item);
    return true;
}

static bool on_request(struct walk *walk, struct span der)
{
    struct cert cert = {.path_len = -1};
    struct ownfiles_item item = {.kind = OWNFILES_REQUEST};
    struct finding_set findings = {{0, 0}};
    struct name *names = NULL;
    arena_reset(&walk->arena, NAMES_BYTES);
    if (!csr_read(der, &cert))
        return false;
    names_collect(&cert, &walk->arena, &names, &item.name_count, &findings);
    item.names = names;
    digest_sha256(cert.spki, item.spki_sha256);
    tell(walk, &item);
    return true;
}

static bool on_key(struct walk *walk, struct span der)
{
    struct ownfiles_item item = {.kind = OWNFILES_KEY};
    if (!ownkey_public(der, item.spki_sha256))
        return false;
    tell(walk, &item);
    return true;
}

static bool ends_with(struct span text, const char *end)
{
    size_t len = strlen(end);
    return text.len >= len && memcmp(text.at + text.len - len, end, len) == 0;
}

static void on_block(struct walk *walk, const struct pem_block *block)
{
    bool key = ends_with(block->label, "PRIVATE KEY");
    bool request = ends_with(block->label, "CERTIFICATE REQUEST");
    if (!key && !request && !span_eq(block->label, SPAN_LIT("CERTIFICATE")) &&
        !span_eq(block->label, SPAN_LIT("TRUSTED CERTIFICATE")))
        return;
    bool locked =
        span_eq(block->label, SPAN_LIT("ENCRYPTED PRIVATE KEY")) ||
        (key && block->body.len != 0 && memmem(block->body.at, block->body.len, "ENCRYPTED", 9) != NULL);
    if (locked) {
        odd(walk, "an encrypted private key: its certificate or request says the same");
        return;
    }
    uint8_t *der = malloc(block->body.len + 1);
    size_t len = 0;
    must(der != NULL);
    bool good = pem_decode(block->body, der, &len);
    struct span bytes = span_of(der, len);
    good = good && (key       ? on_key(walk, bytes)
                    : request ? on_request(walk, bytes)
                              : on_certificate(walk, bytes));
    if (!good)
        odd(walk, key       ? "a private key that can not be read"
                  : request ? "a request that can not be read"
                            : "a certificate that can not be read");
    explicit_bzero(der, block->body.len + 1);
    free(der);
}

static void on_text(void *arg, struct span text)
{
    struct walk *walk = arg;
    struct pem pem = pem_of(text);
    struct pem_block block;
    walk->own = false;
    while (pem_next(&pem, &block))
        on_block(walk, &block);
}

static void on_bytes(struct walk *walk, struct span bytes)
{
    struct err why = {0};
    walk->found = 0;
    walk->own = false;
    if (kubesecret_is(bytes)) {
        size_t before = walk->found;
        if (kubesecret_read(bytes, on_text, walk, &why) != ERR_OK)
            odd(walk, why.text);
        else if (walk->found == before)
            odd(walk, "no certificate in its secrets");
        return;
    }
    if (pem_is(bytes))
        on_text(walk, bytes);
    else if (bytes.len != 0 && bytes.at[0] == 0x30 && !on_request(walk, bytes) && !on_key(walk, bytes) &&
             !on_certificate(walk, bytes))
        walk->found = 0;
}

static enum err_code read_file(struct walk *walk, const char *path, bool named, struct err *why)
{
    struct stat st;
    /* A pipe would wait for its writer. */
    int fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
    walk->file = path;
    walk->files->files++;
    if (fd < 0 || fstat(fd, &st) != 0 || !S_ISREG(st.st_mode)) {
        int error = fd < 0 ? errno : 0;
        if (fd >= 0)
            (void)close(fd);
        if (named)
            return err_set(why, ERR_USAGE, "%s: %s", path, error != 0 ? strerror(error) : "not a file");
        odd(walk, error != 0 ? strerror(error) : "not a file");
        return ERR_OK;
    }
    size_t len = 0;
    bool large = st.st_size > (off_t)LIMIT_OWN_FILE;
    uint8_t *bytes = malloc(LIMIT_OWN_FILE + ARENA_PADDING);
    must(bytes != NULL);
    ssize_t got = 1;
    while (!large && got > 0 && len < LIMIT_OWN_FILE) {
        got = read(fd, bytes + len, LIMIT_OWN_FILE - len);
        len += got > 0 ? (size_t)got : 0;
    }
    (void)close(fd);
    if (large || got < 0)
        odd(walk, large ? "larger than 4 MB" : "it can not be read");
    else
        on_bytes(walk, span_of(bytes, len));
    if (walk->found == 0 && named)
        odd(walk, "no certificate, request or key in it");
    walk->files->others += walk->found == 0;
    explicit_bzero(bytes, len);
    free(bytes);
    return ERR_OK;
}

static int visible(const struct dirent *entry)
{
    return entry->d_name[0] != '.';
}

static enum err_code read_dir(struct walk *walk, const char *dir, unsigned depth, struct err *why)
{
    struct dirent **names = NULL;
    int count = scandir(dir, &names, visible, alphasort);
    enum err_code code = ERR_OK;
    const char *outer = walk->file;
    walk->file = dir;
    if (count < 0)
        odd(walk, strerror(errno));
    for (int i = 0; i < count; i++) {
        char path[4096];
        struct stat st;
        int len = snprintf(path, sizeof path, "%s/%s", dir, names[i]->d_name);
        free(names[i]);
        if (code != ERR_OK || len >= (int)sizeof path || lstat(path, &st) != 0)
            continue;
        if (walk->files->files >= LIMIT_OWN_FILES)
            code = err_set(why, ERR_TOO_BIG, "more than %d files: %s was not reached", LIMIT_OWN_FILES, path);
        else if (S_ISDIR(st.st_mode) && depth < LIMIT_OWN_DEPTH)
            code = read_dir(walk, path, depth + 1, why);
        else if (S_ISLNK(st.st_mode) ? stat(path, &st) == 0 && S_ISREG(st.st_mode) : S_ISREG(st.st_mode))
            code = read_file(walk, path, false, why);
    }
    walk->file = outer;
    free(names);
    return code;
}

enum err_code ownfiles_read(struct ownfiles *files, const char *path, struct err *why)
{
    struct walk walk = {.files = files};
    struct stat st;
    enum err_code code;
    if (stat(path, &st) != 0)
        return err_set(why, ERR_USAGE, "%s: %s", path, strerror(errno));
    if (!arena_init(&walk.arena, NAMES_BYTES))
        return err_set(why, ERR_MEMORY, "no memory for names");
    code = S_ISDIR(st.st_mode) ? read_dir(&walk, path, 0, why) : read_file(&walk, path, true, why);
    arena_fini(&walk.arena);
    return code;
}

#include "watcher/blocklist.h"

#include <dirent.h>
#include <errno.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "base/limits.h"
#include "base/text.h"
#include "verify/weakkey.h"

#define LINE_MAX_BYTES 1024
#define PATH_BYTES     4096
#define TAIL           10 /* octets that Debian's lists keep */

/* Octets of what is listed; the files that list it go by number. */
struct key {
    uint8_t len;
    uint8_t file;
    uint8_t hash[32];
};

struct file {
    char *path;
    off_t size;
    struct timespec at;
    ino_t inode;
};

struct blocklist {
    atomic_uint pins;
    struct key *keys; /* by length and value */
    size_t count;
    size_t cap;
    struct file files[LIMIT_BLOCKLIST_FILES];
    size_t file_count;
};

int blocklist_line(struct span line, uint8_t out[32])
{
    static const char prefix[] = "spki:";
    size_t begin = 0;
    while (begin < line.len && (line.at[begin] == ' ' || line.at[begin] == '\t'))
        begin++;
    line = span_part(line, begin, line.len);
    if (line.len == 0 || line.at[0] == '#' || line.at[0] == '\r')
        return 0;
    bool spki = line.len > 5 && memcmp(line.at, prefix, 5) == 0;
    if (spki)
        line = span_part(line, 5, line.len);
    size_t len = 0;
    while (len < line.len && line.at[len] != ' ' && line.at[len] != '\t' && line.at[len] != '\r')
        len++;
    if ((len != 64 && (spki || (len != 40 && len != 2 * TAIL))) ||
        !text_unhex(span_part(line, 0, len), out, len / 2))
        return -1;
    return (int)(len / 2);
}

static int compare(const void *left, const void *right)
{
    const struct key *a = left;
    const struct key *b = right;
    return a->len != b->len ? (a->len < b->len ? -1 : 1) : memcmp(a->hash, b->hash, a->len);
}

static enum err_code add_key(struct blocklist *list, const uint8_t *hash, int len, struct err *why)
{
    if (list->count == LIMIT_BLOCKLIST_KEYS)
        return err_set(why, ERR_CONFIG, "watch.blocklist: more than %u keys", LIMIT_BLOCKLIST_KEYS);
    if (list->count == list->cap) {
        size_t cap = list->cap == 0 ? 1024 : 2 * list->cap;
        struct key *grown = reallocarray(list->keys, cap, sizeof *grown);
        if (grown == NULL)
            return err_set(why, ERR_MEMORY, "watch.blocklist: no memory for %zu keys", cap);
        list->keys = grown;
        list->cap = cap;
    }
    struct key *key = &list->keys[list->count++];
    *key = (struct key){.len = (uint8_t)len, .file = (uint8_t)(list->file_count - 1)};
    memcpy(key->hash, hash, (size_t)len);
    return ERR_OK;
}

static enum err_code read_lines(struct blocklist *list, FILE *in, const char *path, struct err *why)
{
    char line[LINE_MAX_BYTES];
    enum err_code code = ERR_OK;
    for (uint64_t at = 1; code == ERR_OK && fgets(line, sizeof line, in) != NULL; at++) {
        uint8_t hash[32];
        size_t len = strlen(line);
        bool whole = len != 0 && line[len - 1] == '\n';
        if (!whole && len == sizeof line - 1)
            return err_set(why, ERR_CONFIG, "watch.blocklist: %s: line %" PRIu64 " is too long", path, at);
        int octets = blocklist_line(span_of(line, len - whole), hash);
        if (octets < 0)
            return err_set(why, ERR_CONFIG,
                           "watch.blocklist: %s: line %" PRIu64 ": 64, 40 or 20 hex digits are wanted", path,
                           at);
        if (octets > 0)
            code = add_key(list, hash, octets, why);
    }
    if (code == ERR_OK && ferror(in) != 0)
        return err_set(why, ERR_CONFIG, "watch.blocklist: %s: it can not be read to its end", path);
    return code;
}

static enum err_code read_file(struct blocklist *list, const char *path, const struct stat *about,
                               struct err *why)
{
    if (list->file_count == LIMIT_BLOCKLIST_FILES)
        return err_set(why, ERR_CONFIG, "watch.blocklist: more than %d files", LIMIT_BLOCKLIST_FILES);
    if (about->st_size > LIMIT_BLOCKLIST_BYTES)
        return err_set(why, ERR_CONFIG, "watch.blocklist: %s: a file of more than %u bytes", path,
                       LIMIT_BLOCKLIST_BYTES);
    FILE *in = fopen(path, "rbe");
    if (in == NULL)
        return err_set(why, ERR_CONFIG, "watch.blocklist: %s: %s", path, strerror(errno));
    struct file *file = &list->files[list->file_count++];
    *file = (struct file){.path = strdup(path), .size = about->st_size};
    file->at = about->st_mtim;
    file->inode = about->st_ino;
    must(file->path != NULL);
    enum err_code code = read_lines(list, in, path, why);
    (void)fclose(in);
    return code;
}

static int shown(const struct dirent *entry)
{
    return entry->d_name[0] != '.';
}

/* A folder counts as a file that has no keys: so a file that comes or goes changes it. */
static enum err_code read_folder(struct blocklist *list, const char *folder, const struct stat *about,
                                 struct err *why)
{
    struct dirent **entries = NULL;
    enum err_code code = ERR_OK;
    if (list->file_count == LIMIT_BLOCKLIST_FILES)
        return err_set(why, ERR_CONFIG, "watch.blocklist: more than %d files", LIMIT_BLOCKLIST_FILES);
    struct file *self = &list->files[list->file_count++];
    *self = (struct file){.path = strdup(folder), .size = about->st_size, .at = about->st_mtim};
    self->inode = about->st_ino;
    must(self->path != NULL);
    int count = scandir(folder, &entries, shown, alphasort);
    if (count < 0)
        return err_set(why, ERR_CONFIG, "watch.blocklist: %s: %s", folder, strerror(errno));
    for (int i = 0; i < count; i++) {
        char path[PATH_BYTES];
        struct stat inside;
        int len = snprintf(path, sizeof path, "%s/%s", folder, entries[i]->d_name);
        bool file =
            len > 0 && (size_t)len < sizeof path && stat(path, &inside) == 0 && S_ISREG(inside.st_mode);
        if (code == ERR_OK && file)
            code = read_file(list, path, &inside, why);
        free(entries[i]);
    }
    free(entries);
    return code;
}

static enum err_code read_path(struct blocklist *list, const char *path, struct err *why)
{
    struct stat about;
    if (stat(path, &about) != 0)
        return err_set(why, ERR_CONFIG, "watch.blocklist: %s: %s", path, strerror(errno));
    if (S_ISDIR(about.st_mode))
        return read_folder(list, path, &about, why);
    if (!S_ISREG(about.st_mode))
        return err_set(why, ERR_CONFIG, "watch.blocklist: %s: neither a file nor a folder", path);
    return read_file(list, path, &about, why);
}

enum err_code blocklist_read(const char *paths, struct blocklist **out, struct err *why)
{
    struct blocklist *list = calloc(1, sizeof *list);
    enum err_code code = ERR_OK;
    must(list != NULL);
    atomic_init(&list->pins, 1);
    for (const char *at = paths + strspn(paths, ", "); code == ERR_OK && *at != '\0';) {
        char path[PATH_BYTES];
        size_t len = strcspn(at, ",");
        size_t used = len;
        while (used != 0 && at[used - 1] == ' ')
            used--;
        if (used >= sizeof path)
            code = err_set(why, ERR_CONFIG, "watch.blocklist: a path is too long");
        (void)snprintf(path, sizeof path, "%.*s", (int)(used < sizeof path ? used : 0), at);
        if (code == ERR_OK)
            code = read_path(list, path, why);
        at += len;
        at += strspn(at, ", ");
    }
    if (code == ERR_OK && list->count != 0)
        qsort(list->keys, list->count, sizeof *list->keys, compare);
    if (code != ERR_OK) {
        blocklist_unpin(list);
        list = NULL;
    }
    *out = list;
    return code;
}

bool blocklist_changed(const struct blocklist *list)
{
    for (size_t i = 0; i < list->file_count; i++) {
        const struct file *file = &list->files[i];
        struct stat now;
        if (stat(file->path, &now) != 0 || now.st_size != file->size || now.st_ino != file->inode ||
            now.st_mtim.tv_sec != file->at.tv_sec || now.st_mtim.tv_nsec != file->at.tv_nsec)
            return true;
    }
    return false;
}

size_t blocklist_count(const struct blocklist *list)
{
    return list->count;
}

struct blocklist *blocklist_pin(struct blocklist *list)
{
    if (list != NULL)
        atomic_fetch_add(&list->pins, 1);
    return list;
}

void blocklist_unpin(struct blocklist *list)
{
    if (list == NULL || atomic_fetch_sub(&list->pins, 1) != 1)
        return;
    for (size_t i = 0; i < list->file_count; i++)
        free(list->files[i].path);
    free(list->keys);
    free(list);
}

static const char *find(const struct blocklist *list, const uint8_t *hash, size_t len)
{
    struct key probe = {.len = (uint8_t)len};
    memcpy(probe.hash, hash, len);
    const struct key *key =
        list->count == 0 ? NULL : bsearch(&probe, list->keys, list->count, sizeof probe, compare);
    return key == NULL ? NULL : list->files[key->file].path;
}

const char *blocklist_find_spki(const struct blocklist *list, const uint8_t spki_sha256[32])
{
    return list == NULL ? NULL : find(list, spki_sha256, 32);
}

const char *blocklist_find_modulus(const struct blocklist *list, struct span modulus)
{
    uint8_t sha1[20];
    if (list == NULL)
        return NULL;
    weakkey_modulus_line_sha1(modulus, sha1);
    const char *path = find(list, sha1 + sizeof sha1 - TAIL, TAIL);
    if (path == NULL)
        path = find(list, sha1, sizeof sha1);
    if (path != NULL)
        return path;
    weakkey_modulus_sha1(modulus, sha1);
    return find(list, sha1, sizeof sha1);
}

#include "cli/trustimport.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#include <jansson.h>

#include "base/limits.h"
#include "base/text.h"
#include "cli/cmd.h"
#include "trust/caform.h"
#include "verify/digest.h"

struct reading {
    struct catake *take;
    uint8_t *hashes; /* of name and content, one after the other */
    size_t count;
};

static enum err_code read_bytes(const char *path, uint8_t **bytes, size_t *len, int64_t *mtime_ms,
                                struct err *why)
{
    struct stat st;
    FILE *file = fopen(path, "rb");
    *bytes = NULL;
    if (file == NULL || fstat(fileno(file), &st) != 0 || !S_ISREG(st.st_mode)) {
        if (file != NULL)
            (void)fclose(file);
        return err_set(why, ERR_USAGE, "%s: %s", path, file == NULL ? strerror(errno) : "not a file");
    }
    enum err_code code = ERR_OK;
    if (st.st_size > (off_t)LIMIT_TRUST_FILE)
        code = err_set(why, ERR_TOO_BIG, "%s: larger than %u MB", path, LIMIT_TRUST_FILE >> 20);
    if (code == ERR_OK) {
        *mtime_ms = (int64_t)st.st_mtim.tv_sec * 1000;
        *bytes = malloc((size_t)st.st_size + 1);
        must(*bytes != NULL);
        *len = fread(*bytes, 1, (size_t)st.st_size, file);
        (*bytes)[*len] = '\0';
        if (ferror(file) != 0)
            code = err_set(why, ERR_SYSTEM, "%s: it can not be read", path);
    }
    (void)fclose(file);
    return code;
}

static enum err_code read_file(struct reading *reading, const char *path, const char *name, struct err *why)
{
    uint8_t *bytes = NULL;
    size_t len = 0;
    int64_t mtime_ms = 0;
    enum err_code code = read_bytes(path, &bytes, &len, &mtime_ms, why);
    if (code == ERR_OK) {
        const struct span pieces[2] = {span_str(name), span_of(bytes, len)};
        reading->hashes = realloc(reading->hashes, 32 * (reading->count + 1));
        must(reading->hashes != NULL);
        digest_sha256_pieces(pieces, 2, reading->hashes + 32 * reading->count++);
        caform_read(name, bytes, len, mtime_ms, reading->take);
    }
    free(bytes);
    return code;
}

static int visible(const struct dirent *entry)
{
    return entry->d_name[0] != '.';
}

static enum err_code read_dir(struct reading *reading, const char *dir, struct err *why)
{
    struct dirent **names = NULL;
    int count = scandir(dir, &names, visible, alphasort);
    enum err_code code = ERR_OK;
    if (count < 0)
        return err_set(why, ERR_USAGE, "%s: %s", dir, strerror(errno));
    if (count > LIMIT_TRUST_FILES)
        code = err_set(why, ERR_USAGE, "%s: more than %d files", dir, LIMIT_TRUST_FILES);
    for (int i = 0; i < count; i++) {
        char path[4096];
        struct stat st;
        (void)snprintf(path, sizeof path, "%s/%s", dir, names[i]->d_name);
        struct err one = {0};
        if (code == ERR_OK && stat(path, &st) == 0 && S_ISREG(st.st_mode) &&
            read_file(reading, path, names[i]->d_name, &one) != ERR_OK) {
            struct catake_file *file = catake_file(reading->take, names[i]->d_name);
            file->damaged = true;
            (void)snprintf(file->note, sizeof file->note, "%.150s", one.text);
        }
        free(names[i]);
    }
    free(names);
    return code;
}

bool trustimport_lacks(const struct catake *take)
{
    for (size_t i = 0; i < take->file_count; i++)
        if (take->file[i].damaged || take->file[i].thin || take->file[i].page)
            return true;
    return false;
}

static bool any_unread(const struct catake *take)
{
    for (size_t i = 0; i < take->file_count; i++)
        if (take->file[i].unread != 0)
            return true;
    return false;
}

enum err_code trustimport_read(const char *dir, bool odd, struct catake **take, uint8_t sha256[32],
                               int64_t *dated_ms, struct err *why)
{
    struct reading reading = {.take = catake_new()};
    struct stat st;
    enum err_code code;
    reading.take->odd = odd;
    if (stat(dir, &st) != 0)
        code = err_set(why, ERR_USAGE, "%s: %s", dir, strerror(errno));
    else if (S_ISDIR(st.st_mode))
        code = read_dir(&reading, dir, why);
    else
        code = read_file(&reading, dir, strrchr(dir, '/') != NULL ? strrchr(dir, '/') + 1 : dir, why);
    catake_withhold(reading.take);
    *dated_ms = 0;
    uint64_t taken = 0;
    for (size_t i = 0; i < reading.take->file_count; i++) {
        const struct catake_file *file = &reading.take->file[i];
        taken += file->taken;
        if (file->taken != 0 && file->dated_ms > *dated_ms)
            *dated_ms = file->dated_ms;
    }
    if (code == ERR_OK && taken == 0)
        code = err_set(why, ERR_USAGE, "%s: nothing in it is of a form that is known, and whole", dir);
    /* The same files again are nothing new, unless more of them is taken. */
    const struct span pieces[2] = {span_of(reading.hashes, 32 * reading.count), SPAN_LIT("odd rows")};
    digest_sha256_pieces(pieces, odd && any_unread(reading.take) ? 2 : 1, sha256);
    free(reading.hashes);
    *take = reading.take;
    return code;
}

char *trustimport_report(const struct catake *take)
{
    json_t *files = json_array();
    must(files != NULL);
    for (size_t i = 0; i < take->file_count; i++) {
        const struct catake_file *file = &take->file[i];
        json_t *row = json_pack("{s:o, s:s, s:o, s:I, s:I, s:I, s:s}", "file",
                                cmd_json_latin1(span_str(file->name)), "form", file->form, "date",
                                file->dated_ms == 0 ? json_null() : cmd_json_time(file->dated_ms), "taken",
                                (json_int_t)file->taken, "passed_over", (json_int_t)file->passed,
                                "unreadable", (json_int_t)file->unread, "note", file->note);
        must(row != NULL && json_array_append_new(files, row) == 0);
    }
    char *text = json_dumps(files, JSON_COMPACT | JSON_ENSURE_ASCII);
    must(text != NULL);
    json_decref(files);
    return text;
}

#include "ingest/zipfile.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zip.h>

#include "base/limits.h"

/* The end of the directory with its comment, and the end of zip64 in front of it. */
#define TAIL_MAX   (22 + 65535 + 76)
#define GZIP_HEAD  10
#define GZIP_TAIL  8
#define NAME_SHOWN 120

struct zipfile {
    zip_t *zip;
    char path[512];
};

static uint64_t little(const uint8_t *at, unsigned count)
{
    uint64_t value = 0;
    for (unsigned i = count; i-- > 0;)
        value = value << 8 | at[i];
    return value;
}

/* What the end of the file says its directory takes: the library reads all of it into memory. */
static bool directory_size(struct span tail, uint64_t *size)
{
    must(tail.at != NULL);
    for (size_t at = tail.len < 22 ? 0 : tail.len - 21; at-- > 0;) {
        const uint8_t *end = tail.at + at;
        if (memcmp(end, "PK\5\6", 4) != 0)
            continue;
        *size = little(end + 12, 4);
        if (*size != UINT32_MAX)
            return true;
        if (at < 76 || memcmp(end - 20, "PK\6\7", 4) != 0 || memcmp(end - 76, "PK\6\6", 4) != 0)
            return false;
        *size = little(end - 76 + 40, 8);
        return true;
    }
    return false;
}

static enum err_code look_at(int fd, const char *path, uint8_t *tail, struct err *why)
{
    struct stat status = {.st_size = 0};
    uint64_t size = 0;
    if (fstat(fd, &status) != 0)
        return err_set(why, ERR_SYSTEM, "%s: %s", path, strerror(errno));
    if (!S_ISREG(status.st_mode))
        return err_set(why, ERR_SYSTEM, "%s: not a file", path);
    size_t want = status.st_size < TAIL_MAX ? (size_t)status.st_size : TAIL_MAX;
    if (pread(fd, tail, want, status.st_size - (off_t)want) != (ssize_t)want)
        return err_set(why, ERR_SYSTEM, "%s: it can not be read", path);
    if (!directory_size(span_of(tail, want), &size))
        return err_set(why, ERR_FORMAT,
                       "%s: not a zip file, or its end is missing: was it downloaded to the end?", path);
    if (size > LIMIT_ARCHIVE_DIRECTORY)
        return err_set(why, ERR_TOO_BIG, "%s: its directory of %" PRIu64 " bytes is too large", path, size);
    return ERR_OK;
}

/* What there is to know before the library reads it. */
static enum err_code look(const char *path, struct err *why)
{
    uint8_t *tail = malloc(TAIL_MAX);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    enum err_code code = ERR_OK;
    if (fd < 0)
        code = err_set(why, ERR_SYSTEM, "%s: %s", path, strerror(errno));
    else if (tail == NULL)
        code = err_set(why, ERR_MEMORY, "%s: out of memory", path);
    else
        code = look_at(fd, path, tail, why);
    if (fd >= 0)
        close(fd);
    free(tail);
    return code;
}

enum err_code zipfile_open(const char *path, struct zipfile **out, struct err *why)
{
    enum err_code code = look(path, why);
    int number = 0;
    *out = NULL;
    if (code != ERR_OK)
        return code;
    struct zipfile *zip = calloc(1, sizeof(*zip));
    if (zip == NULL)
        return err_set(why, ERR_MEMORY, "%s: out of memory", path);
    (void)snprintf(zip->path, sizeof(zip->path), "%s", path);
    zip->zip = zip_open(path, ZIP_RDONLY, &number);
    if (zip->zip == NULL) {
        zip_error_t error;
        zip_error_init_with_code(&error, number);
        code = err_set(why, ERR_FORMAT, "%s: %s", path, zip_error_strerror(&error));
        zip_error_fini(&error);
        free(zip);
        return code;
    }
    *out = zip;
    return ERR_OK;
}

void zipfile_close(struct zipfile *zip)
{
    if (zip == NULL)
        return;
    zip_discard(zip->zip);
    free(zip);
}

uint64_t zipfile_count(const struct zipfile *zip)
{
    zip_int64_t count = zip_get_num_entries(zip->zip, 0);
    return count < 0 ? 0 : (uint64_t)count;
}

const char *zipfile_name(struct zipfile *zip, uint64_t at)
{
    return zip_get_name(zip->zip, at, ZIP_FL_ENC_RAW);
}

bool zipfile_has(struct zipfile *zip, const char *name)
{
    return zip_name_locate(zip->zip, name, ZIP_FL_ENC_RAW) >= 0;
}

static enum err_code damaged(const struct zipfile *zip, const char *name, const char *reason, struct err *why)
{
    return err_set(why, ERR_FORMAT, "%s: %.*s: %s", zip->path, NAME_SHOWN, name, reason);
}

/* Exactly `len` bytes, and with them whatever the library checks at the end. */
static bool drain(zip_file_t *file, uint8_t *out, size_t len)
{
    uint8_t more;
    size_t at = 0;
    while (at < len) {
        zip_int64_t got = zip_fread(file, out + at, len - at);
        if (got <= 0)
            return false;
        at += (size_t)got;
    }
    return zip_fread(file, &more, 1) == 0;
}

/* RFC 1952 around the deflate stream of a member. */
static void gzip_wrap(uint8_t *out, size_t packed, uint32_t crc, uint64_t size)
{
    static const uint8_t head[GZIP_HEAD] = {0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255};
    memcpy(out, head, sizeof(head));
    for (unsigned i = 0; i < 4; i++) {
        out[GZIP_HEAD + packed + i] = (uint8_t)(crc >> (8 * i));
        out[GZIP_HEAD + packed + 4 + i] = (uint8_t)(size >> (8 * i));
    }
}

enum err_code zipfile_read(struct zipfile *zip, const char *name, bool gzip, struct arena *arena,
                           size_t ceiling, struct span *body, struct err *why)
{
    const zip_uint64_t needed =
        ZIP_STAT_SIZE | ZIP_STAT_COMP_SIZE | ZIP_STAT_CRC | ZIP_STAT_COMP_METHOD | ZIP_STAT_ENCRYPTION_METHOD;
    zip_stat_t stat;
    zip_int64_t at = zip_name_locate(zip->zip, name, ZIP_FL_ENC_RAW);
    if (at < 0)
        return err_set(why, ERR_NOT_FOUND, "%s: there is no %.*s in it", zip->path, NAME_SHOWN, name);
    if (zip_stat_index(zip->zip, (zip_uint64_t)at, 0, &stat) != 0 || (stat.valid & needed) != needed)
        return damaged(zip, name, "its entry in the directory can not be read", why);
    if (stat.encryption_method != ZIP_EM_NONE)
        return damaged(zip, name, "it is encrypted", why);
    bool wrap = gzip && stat.comp_method == ZIP_CM_DEFLATE;
    uint64_t len = wrap ? stat.comp_size : stat.size;
    if (len > ceiling || ceiling - len < GZIP_HEAD + GZIP_TAIL)
        return err_set(why, ERR_TOO_BIG, "%s: %.*s: %" PRIu64 " bytes are too many", zip->path, NAME_SHOWN,
                       name, len);
    uint8_t *room = arena_take(arena, (size_t)len + GZIP_HEAD + GZIP_TAIL, 16);
    if (room == NULL)
        return err_set(why, ERR_TOO_BIG, "%s: %.*s: %" PRIu64 " bytes do not fit", zip->path, NAME_SHOWN,
                       name, len);
    zip_file_t *file = zip_fopen_index(zip->zip, (zip_uint64_t)at, wrap ? ZIP_FL_COMPRESSED : 0);
    if (file == NULL)
        return damaged(zip, name, zip_strerror(zip->zip), why);
    bool whole = drain(file, wrap ? room + GZIP_HEAD : room, (size_t)len);
    zip_fclose(file);
    if (!whole)
        return damaged(zip, name, "it is damaged, or part of it is missing", why);
    if (wrap)
        gzip_wrap(room, (size_t)len, stat.crc, stat.size);
    *body = span_of(room, (size_t)len + (wrap ? GZIP_HEAD + GZIP_TAIL : 0));
    return ERR_OK;
}

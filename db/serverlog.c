#include "db/serverlog.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "db/pgexec.h"

#define READ_MAX   16384
#define FREE_LEAST (UINT64_C(16) << 20) /* a segment of the write-ahead log */

/* The log belongs to the server's user, who might be somebody else than the reader. */
static int open_log(const char *path, struct stat *info)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    if (fd >= 0 && (fstat(fd, info) != 0 || !S_ISREG(info->st_mode))) {
        (void)close(fd);
        return -1;
    }
    return fd;
}

int64_t serverlog_size(const char *path)
{
    struct stat info;
    int fd = open_log(path, &info);
    if (fd < 0)
        return 0;
    (void)close(fd);
    return info.st_size;
}

static bool find(struct span line, const char *word, size_t *at)
{
    const uint8_t *hit = line.len == 0 ? NULL : memmem(line.at, line.len, word, strlen(word));
    if (hit != NULL)
        *at = (size_t)(hit - line.at);
    return hit != NULL;
}

/* Whoever asks a server that starts or ends is refused with FATAL; that says nothing about the server. */
static bool is_verdict(struct span line, size_t *at)
{
    size_t ignored;
    return (find(line, "PANIC:  ", at) || find(line, "FATAL:  ", at)) &&
           !find(line, "the database system is ", &ignored) &&
           !find(line, "terminating connection", &ignored);
}

static void put(struct span text, char *out, size_t out_cap)
{
    char raw[2048];
    (void)snprintf(raw, sizeof raw, "%.*s", (int)(text.len < sizeof raw ? text.len : sizeof raw - 1),
                   (const char *)text.at);
    pgexec_one_line(raw, out, out_cap);
}

/* Of its configuration the verdict says in which file something is wrong; what is wrong stands before it. */
static void put_verdict(struct span reason, struct span verdict, char *out, size_t out_cap)
{
    size_t ignored;
    out[0] = '\0';
    if (reason.len != 0 && find(verdict, "configuration file \"", &ignored)) {
        put(reason, out, out_cap);
        size_t len = strlen(out);
        (void)snprintf(out + len, out_cap - len, "; ");
    }
    size_t len = strlen(out);
    put(verdict, out + len, out_cap - len);
}

void serverlog_pick(struct span text, char *out, size_t out_cap)
{
    struct span complaint = SPAN_NONE;
    struct span reason = SPAN_NONE;
    struct span last = SPAN_NONE;
    size_t word;
    out[0] = '\0';
    for (size_t at = 0; at < text.len;) {
        const uint8_t *end = memchr(text.at + at, '\n', text.len - at);
        size_t next = end != NULL ? (size_t)(end - text.at) + 1 : text.len;
        struct span line = span_part(text, at, next);
        if (is_verdict(line, &word)) {
            put_verdict(reason, span_part(line, word, line.len), out, out_cap);
            return;
        }
        if (complaint.len == 0 && span_starts(line, SPAN_LIT("postgres: ")))
            complaint = span_part(text, at, text.len);
        if (find(line, "LOG:  ", &word)) {
            last = span_part(line, word + 6, line.len);
            if (reason.len == 0 && !find(line, "skipping missing", &word))
                reason = last;
        } else if (line.len > 1) {
            last = line;
        }
        at = next;
    }
    if (complaint.len != 0 || last.len != 0)
        put(complaint.len != 0 ? complaint : last, out, out_cap);
}

void serverlog_why(const char *path, int64_t from, char *out, size_t out_cap)
{
    static uint8_t text[READ_MAX];
    struct stat info;
    struct statvfs disk;
    ssize_t got = 0;
    int fd = open_log(path, &info);
    out[0] = '\0';
    if (fd < 0)
        return;
    if (from > info.st_size)
        from = 0;
    if (info.st_size - from > (int64_t)sizeof text)
        from = info.st_size - (int64_t)sizeof text;
    got = pread(fd, text, sizeof text, from);
    serverlog_pick(span_of(text, got > 0 ? (size_t)got : 0), out, out_cap);
    size_t len = strlen(out);
    if (fstatvfs(fd, &disk) == 0 && (uint64_t)disk.f_bavail * disk.f_frsize < FREE_LEAST)
        (void)snprintf(out + len, out_cap - len, "%sits disk is full (%" PRIu64 " kB free)",
                       len != 0 ? "; " : "", (uint64_t)disk.f_bavail * disk.f_frsize / 1024);
    (void)close(fd);
}

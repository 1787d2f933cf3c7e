#include "cli/searchfile.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/text.h"

#define TTY_MS   1000
#define QUIET_MS 10000

static enum err_code open_temp(struct searchfile *file, struct err *why)
{
    mode_t mask = umask(0);
    (void)umask(mask);
    int len = snprintf(file->temp, sizeof file->temp, "%s.XXXXXX", file->path);
    if (len < 0 || len >= (int)sizeof file->temp - 16)
        return err_set(why, ERR_USAGE, "--out: the path is too long");
    int fd = mkostemp(file->temp, O_CLOEXEC);
    file->out = fd < 0 || fchmod(fd, 0666 & ~mask) != 0 ? NULL : fdopen(fd, "w");
    if (file->out != NULL)
        return ERR_OK;
    (void)err_set(why, ERR_SYSTEM, "%s can not be written (%s)", file->path, strerror(errno));
    if (fd >= 0) {
        (void)close(fd);
        (void)unlink(file->temp);
    }
    return ERR_SYSTEM;
}

enum err_code searchfile_open(struct searchfile *file, const char *path, struct err *why)
{
    struct stat info;
    *file = (struct searchfile){.path = path, .tty = isatty(STDERR_FILENO) == 1};
    file->said_ms = clock_mono_ms();
    file->progress = path != NULL || (file->tty && isatty(STDOUT_FILENO) != 1);
    if (path == NULL) {
        file->out = stdout;
        return ERR_OK;
    }
    if (stat(path, &info) != 0 || S_ISREG(info.st_mode))
        return open_temp(file, why);
    file->out = fopen(path, "we");
    return file->out != NULL ? ERR_OK
                             : err_set(why, ERR_SYSTEM, "%s can not be written (%s)", path, strerror(errno));
}

static void say_progress(struct searchfile *file, int64_t not_before_ms)
{
    char time[TEXT_TIME_MAX];
    int64_t now = clock_mono_ms();
    if (!file->progress || now - file->said_ms < (file->tty ? TTY_MS : QUIET_MS))
        return;
    file->said_ms = now;
    file->shown = file->tty;
    fprintf(stderr, "%sctvigil: %" PRIu64 " certificates, down to %.10s%s", file->tty ? "\r" : "", file->rows,
            text_time(not_before_ms, false, time), file->tty ? "\x1b[K" : "\n");
}

/* The first reason is the one to tell of. */
static bool failed(struct searchfile *file)
{
    if (file->error == 0)
        file->error = errno != 0 ? errno : EIO;
    return false;
}

/* A flush that goes well says nothing of a write before it that did not. */
static bool flush(struct searchfile *file)
{
    if (ferror(file->out) || fflush(file->out) != 0)
        return failed(file);
    if (file->temp[0] != '\0')
        file->mark = (struct searchfile_mark){file->rows, ftello(file->out), file->last};
    return true;
}

bool searchfile_row(struct searchfile *file, const struct query_row *row)
{
    if (ferror(file->out))
        return failed(file);
    file->rows++;
    file->last = row->place;
    say_progress(file, row->issuance->not_before * 1000);
    return file->temp[0] == '\0' || file->rows % SEARCHFILE_MARK_ROWS != 0 || flush(file);
}

bool searchfile_ok(const struct searchfile *file)
{
    return !ferror(file->out);
}

/* Only when the stream is closed: it would write once more what it still holds. */
static bool cut_to_mark(const struct searchfile *file)
{
    struct stat info;
    int fd = file->mark.rows == 0 ? -1 : open(file->temp, O_WRONLY | O_CLOEXEC);
    bool ok = fd >= 0 && fstat(fd, &info) == 0 && info.st_size >= file->mark.bytes &&
              ftruncate(fd, file->mark.bytes) == 0 && fsync(fd) == 0;
    if (fd >= 0)
        (void)close(fd);
    return ok;
}

/* False: not all arrived. What a failed fsync left nobody knows: then the mark holds for nothing. */
static bool settle(struct searchfile *file)
{
    bool all = flush(file);
    bool known = !all || file->temp[0] == '\0' || fsync(fileno(file->out)) == 0 || failed(file);
    if (fclose(file->out) != 0 && all && known)
        known = failed(file);
    file->out = NULL;
    if (!known)
        file->mark = (struct searchfile_mark){0};
    return all && known;
}

static enum err_code give_name(const struct searchfile *file, bool whole, char *kept, struct err *why)
{
    (void)snprintf(kept, SEARCHFILE_PATH_MAX, "%s%s", file->path, whole ? "" : ".partial");
    if (rename(file->temp, kept) == 0)
        return ERR_OK;
    (void)err_set(why, ERR_SYSTEM, "%s can not be made (%s)", kept, strerror(errno));
    (void)snprintf(kept, SEARCHFILE_PATH_MAX, "%s", file->temp);
    return ERR_SYSTEM;
}

enum err_code searchfile_close(struct searchfile *file, bool whole, char *kept, struct err *why)
{
    if (file->shown)
        fputs("\r\x1b[K", stderr);
    kept[0] = '\0';
    if (file->path == NULL)
        return ERR_OK;
    bool all = settle(file);
    if (!all)
        (void)err_set(why, ERR_SYSTEM, "%s can not be written (%s)", file->path, strerror(file->error));
    if (file->temp[0] == '\0') {
        (void)snprintf(kept, SEARCHFILE_PATH_MAX, "%s", file->path);
        return all ? ERR_OK : ERR_SYSTEM;
    }
    if (all)
        return give_name(file, whole, kept, why);
    if (cut_to_mark(file))
        (void)give_name(file, false, kept, NULL);
    else
        (void)unlink(file->temp);
    return ERR_SYSTEM;
}

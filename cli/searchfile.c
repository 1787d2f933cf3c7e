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

void searchfile_progress(struct searchfile *file, uint64_t rows, int64_t not_before_ms)
{
    char time[TEXT_TIME_MAX];
    int64_t now = clock_mono_ms();
    if (!file->progress || now - file->said_ms < (file->tty ? TTY_MS : QUIET_MS))
        return;
    file->said_ms = now;
    file->shown = file->tty;
    fprintf(stderr, "%sctvigil: %" PRIu64 " certificates, down to %.10s%s", file->tty ? "\r" : "", rows,
            text_time(not_before_ms, false, time), file->tty ? "\x1b[K" : "\n");
}

bool searchfile_ok(const struct searchfile *file)
{
    return !ferror(file->out);
}

enum err_code searchfile_close(struct searchfile *file, bool whole, char *kept, struct err *why)
{
    enum err_code code = ERR_OK;
    if (file->shown)
        fputs("\r\x1b[K", stderr);
    kept[0] = '\0';
    if (file->path == NULL)
        return ERR_OK;
    bool ok = fflush(file->out) == 0 && !ferror(file->out);
    ok = ok && (file->temp[0] == '\0' || fsync(fileno(file->out)) == 0);
    if (!ok)
        code = err_set(why, ERR_SYSTEM, "%s can not be written (%s)", file->path, strerror(errno));
    if (fclose(file->out) != 0 && code == ERR_OK)
        code = err_set(why, ERR_SYSTEM, "%s can not be written (%s)", file->path, strerror(errno));
    file->out = NULL;
    (void)snprintf(kept, SEARCHFILE_PATH_MAX, "%s%s", file->path,
                   whole || file->temp[0] == '\0' ? "" : ".partial");
    if (file->temp[0] == '\0')
        return code;
    if (code == ERR_OK && rename(file->temp, kept) != 0)
        code = err_set(why, ERR_SYSTEM, "%s can not be made (%s)", kept, strerror(errno));
    if (code != ERR_OK)
        (void)unlink(file->temp);
    return code;
}

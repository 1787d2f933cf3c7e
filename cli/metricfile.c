#include "cli/metricfile.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/metric.h"
#include "base/say.h"

#define METRICFILE_PATH_MAX  4096
#define METRICFILE_BYTES_MAX (1u << 20)

/* node_exporter reads *.prom, so the name it is written under must end otherwise. */
static bool metricfile_fresh(const char *path, char out[METRICFILE_PATH_MAX])
{
    return snprintf(out, METRICFILE_PATH_MAX, "%s.%d.new", path, (int)getpid()) < METRICFILE_PATH_MAX;
}

static bool metricfile_put(const char *path, struct span text)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0644);
    if (fd < 0)
        return false;
    bool written = write(fd, text.at, text.len) == (ssize_t)text.len;
    return close(fd) == 0 && written;
}

static bool metricfile_write(const char *path)
{
    char fresh[METRICFILE_PATH_MAX];
    struct buf text;

    errno = ENAMETOOLONG;
    if (!metricfile_fresh(path, fresh))
        return false;
    buf_init(&text, METRICFILE_BYTES_MAX);
    metric_write(&text);
    must(buf_ok(&text));
    bool written = metricfile_put(fresh, buf_span(&text)) && rename(fresh, path) == 0;
    int failed = errno;
    if (!written)
        (void)unlink(fresh);
    errno = failed;
    buf_fini(&text);
    return written;
}

void metricfile_tick(const struct conf *conf, bool now)
{
    static int64_t next_ms;
    static bool failing;
    int64_t ms = clock_mono_ms();

    if (conf->metrics.file[0] == '\0' || (!now && ms < next_ms))
        return;
    next_ms = ms + conf->metrics.every_s * 1000;
    bool written = metricfile_write(conf->metrics.file);
    if (!written && !failing)
        say_warn("metrics", "%s: the counters can not be written: %s", conf->metrics.file, strerror(errno));
    if (written && failing)
        say_info("metrics", "%s: the counters can be written again", conf->metrics.file);
    failing = !written;
}

enum err_code metricfile_check(const struct conf *conf, struct err *why)
{
    const char *path = conf->metrics.file;
    char folder[METRICFILE_PATH_MAX];
    struct stat info;
    const char *slash = strrchr(path, '/');

    if (path[0] == '\0')
        return ERR_OK;
    if (snprintf(folder, sizeof folder, "%.*s", slash == NULL ? 1 : (int)(slash - path) + 1,
                 slash == NULL ? "." : path) >= (int)sizeof folder)
        return err_set(why, ERR_CONFIG, "metrics.file: the path is longer than %d bytes",
                       METRICFILE_PATH_MAX);
    if (stat(path, &info) == 0 && S_ISDIR(info.st_mode))
        return err_set(why, ERR_CONFIG,
                       "metrics.file: %s is a folder; name a file in it, such as ctvigil.prom", path);
    if (access(folder, W_OK | X_OK) != 0)
        return err_set(why, ERR_CONFIG, "metrics.file: %s: no file can be made there: %s", folder,
                       strerror(errno));
    return ERR_OK;
}

#include "db/clusterdir.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/text.h"

enum err_code clusterdir_path(const char *state_dir, const char *suffix, char *out, struct err *why)
{
    if (strchr(state_dir, '\n') != NULL)
        return err_set(why, ERR_CONFIG, "state directory: its name holds a line break");
    if (snprintf(out, CLUSTERDIR_PATH_MAX, "%s/pg%s", state_dir, suffix) >= CLUSTERDIR_PATH_MAX)
        return err_set(why, ERR_CONFIG, "state directory: its name is longer than %d bytes",
                       CLUSTERDIR_PATH_MAX);
    return ERR_OK;
}

enum err_code clusterdir_open_lock(const char *state_dir, const char *suffix, int *fd, struct err *why)
{
    char path[CLUSTERDIR_PATH_MAX];
    struct stat owner;
    struct stat now;
    enum err_code code = clusterdir_path(state_dir, suffix, path, why);
    *fd = -1;
    if (code != ERR_OK)
        return code;
    *fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (*fd < 0)
        return err_set(why, ERR_CLUSTER, "%s: %s: choose another state directory with --state-dir", path,
                       strerror(errno));
    if (geteuid() == 0 && stat(state_dir, &owner) == 0 && fstat(*fd, &now) == 0 &&
        owner.st_uid != now.st_uid && fchown(*fd, owner.st_uid, owner.st_gid) != 0) {
        err_set(why, ERR_CLUSTER, "%s: %s", path, strerror(errno));
        (void)close(*fd);
        *fd = -1;
        return ERR_CLUSTER;
    }
    return ERR_OK;
}

bool clusterdir_lock(int fd, int operation, int64_t wait_ms)
{
    int64_t deadline = clock_mono_ms() + wait_ms;
    while (flock(fd, operation | LOCK_NB) != 0) {
        must(errno == EWOULDBLOCK || errno == EINTR);
        if (clock_mono_ms() >= deadline)
            return false;
        clock_sleep_ms(10);
    }
    return true;
}

#define NOTE_BYTES 1024

static const char *const state_words[] = {"unknown", "starting", "running", "failed"};

void clusterdir_write_note(int keeper_fd, const struct clusterdir_note *note)
{
    char text[NOTE_BYTES + 1];
    must((size_t)note->state < countof(state_words));
    int len = snprintf(text, sizeof text, "%d %d %s %u\n%s\n", (int)note->keeper, (int)note->server,
                       state_words[note->state], note->attempt, note->why);
    must(len > 0 && len < NOTE_BYTES);
    memset(text + len, '\n', (size_t)(NOTE_BYTES - len));
    if (pwrite(keeper_fd, text, NOTE_BYTES, 0) != NOTE_BYTES)
        return; /* then nobody is told why, and waits */
}

/* The number at *at, and *at behind it and a blank. */
static uint64_t next_number(const char **at)
{
    uint64_t value = 0;
    size_t digits = strspn(*at, "0123456789");
    bool good = digits > 0 && text_uint(span_of(*at, digits), &value) && value <= INT32_MAX;
    *at += digits + ((*at)[digits] == ' ' ? 1 : 0);
    return good ? value : 0;
}

void clusterdir_read_note(int keeper_fd, struct clusterdir_note *note)
{
    char text[NOTE_BYTES + 1];
    const char *at = text;
    *note = (struct clusterdir_note){0};
    ssize_t len = pread(keeper_fd, text, NOTE_BYTES, 0);
    if (len <= 0)
        return;
    text[len] = '\0';
    note->keeper = (pid_t)next_number(&at);
    note->server = (pid_t)next_number(&at);
    size_t word = strcspn(at, " \n");
    for (size_t i = 0; i < countof(state_words); i++)
        if (span_eq(span_of(at, word), span_str(state_words[i])))
            note->state = (enum clusterdir_state)i;
    at += word + (at[word] == ' ' ? 1 : 0);
    note->attempt = (unsigned)next_number(&at);
    if (*at == '\n')
        (void)snprintf(note->why, sizeof note->why, "%.*s", (int)strcspn(at + 1, "\n"), at + 1);
}

static ssize_t read_small(const char *state_dir, const char *suffix, char *out, size_t out_cap)
{
    char path[CLUSTERDIR_PATH_MAX];
    if (clusterdir_path(state_dir, suffix, path, NULL) != ERR_OK)
        return -1;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0)
        return -1;
    ssize_t len = read(fd, out, out_cap - 1);
    (void)close(fd);
    if (len >= 0)
        out[len] = '\0';
    return len;
}

bool clusterdir_read_socket(const char *state_dir, struct clusterdir_socket *socket)
{
    char text[2 * CLUSTERDIR_PATH_MAX];
    if (read_small(state_dir, ".socket", text, sizeof text) <= 0)
        return false;
    char *run = strchr(text, '\n');
    char *end = run != NULL ? strchr(run + 1, '\n') : NULL;
    if (end == NULL)
        return false;
    *run++ = '\0';
    *end = '\0';
    return snprintf(socket->dir, sizeof socket->dir, "%s", text) < (int)sizeof socket->dir &&
           snprintf(socket->run, sizeof socket->run, "%s", run) < (int)sizeof socket->run;
}

enum err_code clusterdir_write_socket(const char *state_dir, const struct clusterdir_socket *socket,
                                      struct err *why)
{
    char path[CLUSTERDIR_PATH_MAX];
    char fresh[CLUSTERDIR_PATH_MAX];
    enum err_code code = clusterdir_path(state_dir, ".socket", path, why);
    if (code == ERR_OK)
        code = clusterdir_path(state_dir, ".socket.new", fresh, why);
    if (code != ERR_OK)
        return code;
    int fd = open(fresh, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0644);
    bool written = fd >= 0 && dprintf(fd, "%s\n%s\n", socket->dir, socket->run) > 0;
    written = fd >= 0 && close(fd) == 0 && written;
    if (!written || rename(fresh, path) != 0)
        return err_set(why, ERR_CLUSTER, "%s: %s", path, strerror(errno));
    return ERR_OK;
}

bool clusterdir_exists(const char *state_dir, const char *suffix)
{
    char path[CLUSTERDIR_PATH_MAX];
    struct stat info;
    return clusterdir_path(state_dir, suffix, path, NULL) == ERR_OK && lstat(path, &info) == 0;
}

void clusterdir_remove(const char *state_dir, const char *suffix)
{
    char path[CLUSTERDIR_PATH_MAX];
    if (clusterdir_path(state_dir, suffix, path, NULL) == ERR_OK)
        (void)unlink(path);
}

int clusterdir_major(const char *state_dir)
{
    char text[32];
    uint64_t major;
    if (read_small(state_dir, "/data/PG_VERSION", text, sizeof text) <= 0)
        return 0;
    struct span digits = span_of(text, strspn(text, "0123456789"));
    return text_uint(digits, &major) && major < 1000 ? (int)major : 0;
}

bool clusterdir_dsn(const char *socket_dir, const char *database, char *out, size_t out_cap)
{
    size_t len = 0;
    static const char head[] = "host='";
    if (out_cap < sizeof head)
        return false;
    memcpy(out, head, sizeof head);
    len = sizeof head - 1;
    for (; *socket_dir != '\0'; socket_dir++) {
        if (len + 3 > out_cap)
            return false;
        if (*socket_dir == '\'' || *socket_dir == '\\')
            out[len++] = '\\';
        out[len++] = *socket_dir;
    }
    int rest = snprintf(out + len, out_cap - len,
                        "' port=5432 user=ctvigil dbname=%s connect_timeout=10 options=''", database);
    return rest > 0 && (size_t)rest < out_cap - len;
}

#include "simlimit.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/text.h"

#define SIMLIMIT_RATE_MAX 1000000
#define SIMLIMIT_MAGIC    UINT64_C(0x6374766c696d0001)

/* What shards have in common; the monotonic clock is the same in all processes of a machine. */
struct simlimit_shared {
    uint64_t magic;
    pthread_mutex_t mutex;
    int64_t start_ms;
    struct simlimit_fill total, anonymous;
    size_t sources;
    struct simlimit_source source[SIMLIMIT_SOURCES];
    struct simlimit_count window[SIMLIMIT_WINDOWS];
    int64_t connections, connections_max;
};

struct simlimits {
    pthread_mutex_t mutex; /* around set */
    struct simlimit_set set[SIMLIMIT_COUNT];
    double scale;
    char operated[SIMLIMIT_TEXT_MAX];
    struct simlimit_shared *shared;
};

static const struct simlimit_row simlimit_rows[] = {
#define X(name, word, arguments, sentence) {word, arguments, sentence},
#include "simlimit.def"
#undef X
};

static const struct simoperator_row simlimit_operators[] = {
#define X(word, limits, sentence) {word, limits, sentence},
#include "simoperator.def"
#undef X
};

static void simlimit_lock(pthread_mutex_t *mutex)
{
    int got = pthread_mutex_lock(mutex);

    /* A shard that was killed held it; each field of the counts is right by itself. */
    if (got == EOWNERDEAD)
        got = pthread_mutex_consistent(mutex);
    must(got == 0);
}

static void simlimit_unlock(pthread_mutex_t *mutex)
{
    must(pthread_mutex_unlock(mutex) == 0);
}

static struct simlimit_shared *simlimit_map(int fd)
{
    int flags = fd < 0 ? MAP_SHARED | MAP_ANONYMOUS : MAP_SHARED;
    void *at = mmap(NULL, sizeof(struct simlimit_shared), PROT_READ | PROT_WRITE, flags, fd, 0);

    return at == MAP_FAILED ? NULL : at;
}

static void simlimit_make(struct simlimit_shared *shared)
{
    pthread_mutexattr_t attributes;

    must(pthread_mutexattr_init(&attributes) == 0);
    must(pthread_mutexattr_setpshared(&attributes, PTHREAD_PROCESS_SHARED) == 0);
    must(pthread_mutexattr_setrobust(&attributes, PTHREAD_MUTEX_ROBUST) == 0);
    must(pthread_mutex_init(&shared->mutex, &attributes) == 0);
    (void)pthread_mutexattr_destroy(&attributes);
    shared->magic = SIMLIMIT_MAGIC;
}

struct simlimits *simlimit_new(void)
{
    struct simlimits *limits = calloc(1, sizeof *limits);

    must(limits != NULL && pthread_mutex_init(&limits->mutex, NULL) == 0);
    limits->scale = 1;
    limits->shared = simlimit_map(-1);
    must(limits->shared != NULL);
    simlimit_make(limits->shared);
    return limits;
}

void simlimit_free(struct simlimits *limits)
{
    (void)munmap(limits->shared, sizeof *limits->shared);
    (void)pthread_mutex_destroy(&limits->mutex);
    free(limits);
}

const struct simlimit_row *simlimit_row(enum simlimit_id id)
{
    return &simlimit_rows[id];
}

const struct simoperator_row *simlimit_operator_row(size_t at)
{
    return at < countof(simlimit_operators) ? &simlimit_operators[at] : NULL;
}

enum err_code simlimit_scale(struct simlimits *limits, const char *factor, struct err *why)
{
    char *end;
    double scale = strtod(factor, &end);

    if (end == factor || *end != '\0' || !(scale >= 0.01 && scale <= 100))
        return err_set(why, ERR_USAGE, "--limit-scale: \"%s\" is not a number from 0.01 to 100", factor);
    limits->scale = scale;
    return ERR_OK;
}

enum err_code simlimit_share(struct simlimits *limits, const char *file, struct err *why)
{
    int fd = open(file, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    struct simlimit_shared *shared = NULL;
    struct stat info;

    if (fd < 0)
        return err_set(why, ERR_SYSTEM, "--limit-share: %s: %s", file, strerror(errno));
    if (flock(fd, LOCK_EX) == 0 && fstat(fd, &info) == 0 &&
        (info.st_size == (off_t)sizeof *shared ||
         (info.st_size == 0 && ftruncate(fd, (off_t)sizeof *shared) == 0)))
        shared = simlimit_map(fd);
    if (shared != NULL && shared->magic == 0)
        simlimit_make(shared);
    bool ours = shared != NULL && shared->magic == SIMLIMIT_MAGIC;
    (void)flock(fd, LOCK_UN); /* the mapping keeps the file open, and with it the lock */
    (void)close(fd);
    if (!ours) {
        if (shared != NULL)
            (void)munmap(shared, sizeof *shared);
        return err_set(why, ERR_SYSTEM, "--limit-share: %s: not a file of limits", file);
    }
    (void)munmap(limits->shared, sizeof *limits->shared);
    limits->shared = shared;
    return ERR_OK;
}

/* Settings ----------------------------------------------------------------------------------------------- */

/* The next part up to a colon; NULL: there is none. */
static char *simlimit_part(char **rest)
{
    char *part = *rest;

    if (part != NULL) {
        char *colon = strchr(part, ':');
        *rest = colon == NULL ? NULL : colon + 1;
        if (colon != NULL)
            *colon = '\0';
    }
    return part;
}

static bool simlimit_retry(const char *text)
{
    uint64_t seconds;

    return text_uint(span_str(strncmp(text, "date", 4) == 0 ? text + 4 : text), &seconds) && seconds <= 86400;
}

/* RATE[:BURST[:RETRY]] */
static bool simlimit_read_bucket(char *rest, double scale, struct simlimit_set *set)
{
    const char *rate = simlimit_part(&rest);
    const char *burst = simlimit_part(&rest);
    const char *retry = simlimit_part(&rest);
    uint64_t per_s, most;

    if (rate == NULL || rest != NULL || !text_uint(span_str(rate), &per_s) || per_s == 0 ||
        per_s > SIMLIMIT_RATE_MAX)
        return false;
    most = per_s;
    if (burst != NULL && (!text_uint(span_str(burst), &most) || most == 0 || most > SIMLIMIT_RATE_MAX))
        return false;
    if (retry != NULL && !simlimit_retry(retry))
        return false;
    set->value = (double)per_s * scale;
    set->burst = (double)most;
    (void)snprintf(set->retry, sizeof set->retry, "%s", retry == NULL ? "" : retry);
    return true;
}

static bool simlimit_read(enum simlimit_id id, char *rest, double scale, struct simlimit_set *set)
{
    const char *part;
    uint64_t number;

    if ((unsigned)id < SIMLIMIT_BUCKETS)
        return simlimit_read_bucket(rest, scale, set);
    if (id == SIMLIMIT_TILES)
        return rest == NULL;
    part = simlimit_part(&rest);
    if (part == NULL || !text_uint(span_str(part), &number) || number == 0)
        return false;
    set->value = (double)number;
    if (id == SIMLIMIT_PAGE) {
        part = simlimit_part(&rest);
        set->edge = part != NULL;
        return number <= 1024 && rest == NULL && (part == NULL || strcmp(part, "edge") == 0);
    }
    if (id == SIMLIMIT_LATENCY || id == SIMLIMIT_ENTRIES)
        set->value /= scale;
    return number <= 3600000 && rest == NULL;
}

enum err_code simlimit_add(struct simlimits *limits, const char *spec, struct err *why)
{
    struct simlimit_set set = {.on = true};
    char text[128];
    char *rest = text;
    size_t id = 0;

    if (strlen(spec) >= sizeof text)
        return err_set(why, ERR_USAGE, "limit: the text is too long");
    (void)snprintf(text, sizeof text, "%s", spec);
    const char *word = simlimit_part(&rest);
    while (id < SIMLIMIT_COUNT && strcmp(simlimit_rows[id].word, word) != 0)
        id++;
    if (id == SIMLIMIT_COUNT)
        return err_set(why, ERR_USAGE, "limit \"%s\": unknown; --help lists them", word);
    if (rest != NULL && strcmp(rest, "off") == 0)
        set.on = false;
    else if (!simlimit_read((enum simlimit_id)id, rest, limits->scale, &set))
        return err_set(why, ERR_USAGE, "limit \"%s\": it is %s%s, or %s:off", spec, word,
                       simlimit_rows[id].arguments, word);
    simlimit_lock(&limits->mutex);
    limits->set[id] = set;
    simlimit_unlock(&limits->mutex);
    return ERR_OK;
}

enum err_code simlimit_operator(struct simlimits *limits, const char *word, struct err *why)
{
    const struct simoperator_row *row;
    char one[SIMLIMIT_TEXT_MAX];
    size_t at = 0;

    while ((row = simlimit_operator_row(at)) != NULL && strcmp(row->word, word) != 0)
        at++;
    if (row == NULL)
        return err_set(why, ERR_USAGE, "operator \"%s\": unknown; --help lists them", word);
    (void)snprintf(limits->operated, sizeof limits->operated, "%s", word);
    for (const char *next = row->limits; *next != '\0'; next += strspn(next, " ")) {
        size_t length = strcspn(next, " ");
        (void)snprintf(one, sizeof one, "%.*s", (int)length, next);
        if (simlimit_add(limits, one, why) != ERR_OK)
            return why->code;
        next += length;
    }
    return ERR_OK;
}

struct simlimit_set simlimit_get(struct simlimits *limits, enum simlimit_id id)
{
    struct simlimit_set set;

    simlimit_lock(&limits->mutex);
    set = limits->set[id];
    simlimit_unlock(&limits->mutex);
    return set;
}

/* Requests ----------------------------------------------------------------------------------------------- */

/* What Skylight, the server of several logs, takes for a client that names no contact. */
static bool simlimit_anonymous(const char *agent)
{
    if (agent == NULL || strstr(agent, "example.com") != NULL)
        return true;
    return strchr(agent, '@') == NULL && strstr(agent, "https://") == NULL &&
           strstr(agent, "github.com/") == NULL;
}

static struct simlimit_source *simlimit_source(struct simlimit_shared *shared, uint32_t address)
{
    for (size_t i = 0; i < shared->sources; i++) {
        if (shared->source[i].address == address)
            return &shared->source[i];
    }
    if (shared->sources == SIMLIMIT_SOURCES)
        return &shared->source[SIMLIMIT_SOURCES - 1];
    shared->source[shared->sources].address = address;
    return &shared->source[shared->sources++];
}

static bool simlimit_filled(struct simlimit_fill *fill, const struct simlimit_set *set, int64_t now_ms)
{
    if (!fill->used)
        *fill = (struct simlimit_fill){true, set->burst, now_ms};
    fill->tokens += (double)(now_ms - fill->at_ms) * set->value / 1000;
    if (fill->tokens > set->burst)
        fill->tokens = set->burst;
    fill->at_ms = now_ms;
    return fill->tokens >= 1;
}

bool simlimit_take(struct simlimits *limits, const struct simlimit_request *request,
                   char retry[SIMLIMIT_TEXT_MAX])
{
    struct simlimit_fill *fill[SIMLIMIT_BUCKETS] = {0};
    struct simlimit_set set[SIMLIMIT_BUCKETS];
    struct simlimit_shared *shared = limits->shared;
    int64_t now_ms = clock_mono_ms();
    bool good = true;

    simlimit_lock(&limits->mutex);
    memcpy(set, limits->set, sizeof set);
    simlimit_unlock(&limits->mutex);
    simlimit_lock(&shared->mutex);
    if (shared->start_ms == 0)
        shared->start_ms = now_ms;
    struct simlimit_source *source = simlimit_source(shared, request->address);
    size_t second = (size_t)((now_ms - shared->start_ms) / 1000);
    must(source != NULL);
    struct simlimit_count *window =
        &shared->window[second < SIMLIMIT_WINDOWS ? second : SIMLIMIT_WINDOWS - 1];
    fill[SIMLIMIT_CLIENT] = &source->fill;
    fill[SIMLIMIT_CONNECTION] = request->connection;
    fill[SIMLIMIT_TOTAL] = &shared->total;
    fill[SIMLIMIT_ANONYMOUS] = simlimit_anonymous(request->agent) ? &shared->anonymous : NULL;
    for (size_t i = 0; i < SIMLIMIT_BUCKETS; i++) {
        if (!set[i].on || fill[i] == NULL || simlimit_filled(fill[i], &set[i], now_ms))
            continue;
        (void)snprintf(retry, SIMLIMIT_TEXT_MAX, "%s", set[i].retry);
        good = false;
        break;
    }
    for (size_t i = 0; good && i < SIMLIMIT_BUCKETS; i++) {
        if (set[i].on && fill[i] != NULL)
            fill[i]->tokens -= 1;
    }
    window->asked++;
    source->count.asked++;
    *(good ? &window->answered : &window->refused) += 1;
    *(good ? &source->count.answered : &source->count.refused) += 1;
    simlimit_unlock(&shared->mutex);
    return good;
}

void simlimit_connected(struct simlimits *limits, int change)
{
    struct simlimit_shared *shared = limits->shared;

    simlimit_lock(&shared->mutex);
    shared->connections += change;
    if (shared->connections > shared->connections_max)
        shared->connections_max = shared->connections;
    simlimit_unlock(&shared->mutex);
}

void simlimit_report(struct simlimits *limits, struct simlimit_report *report)
{
    struct simlimit_shared *shared = limits->shared;

    memset(report, 0, sizeof *report);
    (void)snprintf(report->operated, sizeof report->operated, "%s", limits->operated);
    simlimit_lock(&limits->mutex);
    memcpy(report->set, limits->set, sizeof report->set);
    simlimit_unlock(&limits->mutex);
    simlimit_lock(&shared->mutex);
    if (shared->start_ms != 0) {
        report->now_ms = clock_mono_ms() - shared->start_ms;
        report->windows = (size_t)(report->now_ms / 1000) + 1;
        if (report->windows > SIMLIMIT_WINDOWS)
            report->windows = SIMLIMIT_WINDOWS;
    }
    report->sources = shared->sources;
    report->connections = shared->connections;
    report->connections_max = shared->connections_max;
    memcpy(report->window, shared->window, sizeof report->window);
    memcpy(report->source, shared->source, sizeof report->source);
    simlimit_unlock(&shared->mutex);
}

void simlimit_reset(struct simlimits *limits)
{
    struct simlimit_shared *shared = limits->shared;

    simlimit_lock(&shared->mutex);
    shared->start_ms = 0;
    memset(shared->window, 0, sizeof shared->window);
    for (size_t i = 0; i < shared->sources; i++)
        memset(&shared->source[i].count, 0, sizeof shared->source[i].count);
    shared->connections_max = shared->connections;
    simlimit_unlock(&shared->mutex);
}

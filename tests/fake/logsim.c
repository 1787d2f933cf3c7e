/* ctvigil-logsim: a CT log to test against. */
#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/text.h"
#include "base/thread.h"
#include "simcontrol.h"
#include "simhttp.h"
#include "simlist.h"
#include "simreplay.h"

#define LOGSIM_ENTRIES    1000
#define LOGSIM_AGE_MS     3600000 /* the first entries are an hour old */
#define LOGSIM_TICK_MS    100
#define LOGSIM_REFRESH_MS 60000 /* a head is signed anew at least this often */
#define LOGSIM_REPLAYS    16
#define LOGSIM_FAULTS     32
#define LOGSIM_LIMITS     16
#define LOGSIM_PAGE_MAX   1024
#define LOGSIM_RATE_MAX   5000

struct logsim_options {
    uint64_t port;
    bool rfc6962;
    bool static_ct;
    bool has_entries;
    uint64_t entries;
    uint64_t rate;
    const char *replay[LOGSIM_REPLAYS];
    size_t replay_count;
    const char *fault[LOGSIM_FAULTS];
    size_t fault_count;
    const char *operated;
    const char *limit[LOGSIM_LIMITS];
    size_t limit_count;
    const char *limit_scale;
    const char *limit_share;
    uint64_t seed;
    uint64_t page;
    const char *ca_dir;
    const char *origin;
    bool identity;
    bool warm;
    bool with_parent;
};

struct logsim_ticker {
    struct simworld *world;
    atomic_bool stop;
    struct thread thread;
};

/* X(WORD, ARGUMENT, LETTER, SENTENCE) */
#define LOGSIM_OPTIONS(X)                                                                                    \
    X("port", "PORT", 'p', "port on 127.0.0.1 (default 0: a free one, told in the ready line)")              \
    X("rfc6962", NULL, 'R', "serve the RFC 6962 view (default: both views)")                                 \
    X("static", NULL, 'S', "serve the static-ct view (default: both views)")                                 \
    X("entries", "N", 'n', "entries at the start (default 1000, with --replay 0)")                           \
    X("rate", "R", 'r', "entries appended per second afterwards (default 0)")                                \
    X("replay", "FILE", 'f',                                                                                 \
      "append the entries of FILE: JSON lines with leaf_input and extra_data, or with "                      \
      "tile_leaf; or a data tile")                                                                           \
    X("fault", "NAME[:ARG]...", 'x', "switch a fault on from the start (see below)")                         \
    X("operator", "NAME", 'O', "the limits of an operator of real logs (see below)")                         \
    X("limit", "KIND[:ARG]...", 'l', "a limit of its own, or KIND:off (see below)")                          \
    X("limit-scale", "F", 'F', "time runs F times as fast for limits: 0.01 to 100 (default 1)")              \
    X("limit-share", "FILE", 'H', "one budget with every simulator that names FILE: shards of one operator") \
    X("seed", "S", 's', "seed of names, keys and order (default 1)")                                         \
    X("page", "N", 'g', "ceiling of a get-entries answer, aligned (default 256)")                            \
    X("ca-dir", "DIR", 'd', "write the CA certificates into DIR as NAME.der and NAME.pem")                   \
    X("origin", "NAME", 'o', "origin of the checkpoint, host and path (default 127.0.0.1:PORT/static)")      \
    X("identity", NULL, 'i', "never compress data tiles")                                                    \
    X("warm", NULL, 'w', "encode all pages before the ready line, for benchmarks")                           \
    X("with-parent", NULL, 'P', "end when the process that started it ends")                                 \
    X("help", NULL, 'h', "this text")                                                                        \
    X("version", NULL, 'V', "the version")

#define LOGSIM_ROW(word, argument, letter, sentence) {word, argument, sentence},
static const struct {
    const char *word;
    const char *argument;
    const char *sentence;
} logsim_rows[] = {LOGSIM_OPTIONS(LOGSIM_ROW)};

#define LOGSIM_LONG(word, argument, letter, sentence)                                                        \
    {word, (const char *)(argument) == NULL ? no_argument : required_argument, NULL, letter},
static const struct option logsim_long[] = {LOGSIM_OPTIONS(LOGSIM_LONG){NULL, 0, NULL, 0}};

static void logsim_help(void)
{
    puts(
        "usage: ctvigil-logsim [--port P] [--rfc6962] [--static] [--entries N] [--rate R]\n"
        "                      [--replay FILE]... [--fault NAME[:ARG]...]... [--seed S] ...\n\n"
        "A Certificate Transparency log for tests: one tree, served as RFC 6962 and as static-ct, with real\n"
        "signatures, freshly issued certificate chains, and faults on order. Prints one JSON line when "
        "ready.\n\n"
        "Options:");
    for (size_t i = 0; i < countof(logsim_rows); i++)
        printf("  --%-12s %-14s %s\n", logsim_rows[i].word,
               logsim_rows[i].argument == NULL ? "" : logsim_rows[i].argument, logsim_rows[i].sentence);
    puts("\nFaults (--fault, or POST /control {\"fault\": \"NAME[:ARG]...\"}; @KIND at the end: that kind of "
         "request "
         "only):");
    for (size_t i = 0; i < SIMFAULT_COUNT; i++) {
        const struct simfault_row *row = simfault_row((enum simfault_id)i);
        char head[64];
        (void)snprintf(head, sizeof head, "%s%s", row->word, row->arguments);
        printf("  %-24s %s\n", head, row->sentence);
    }
    puts("\nLimits (--limit, or POST /control {\"limit\": \"KIND[:ARG]...\"}; RATE is requests per second, "
         "RETRY the\nRetry-After of the 429: seconds or dateSECONDS, default none):");
    for (size_t i = 0; i < SIMLIMIT_COUNT; i++) {
        const struct simlimit_row *row = simlimit_row((enum simlimit_id)i);
        char head[64];
        (void)snprintf(head, sizeof head, "%s%s", row->word, row->arguments);
        printf("  %-34s %s\n", head, row->sentence);
    }
    puts("\nOperators (--operator):");
    for (size_t i = 0; simlimit_operator_row(i) != NULL; i++) {
        const struct simoperator_row *row = simlimit_operator_row(i);
        printf("  %-10s %s\n  %-10s %s\n", row->word, row->sentence, "", row->limits);
    }
    printf("\nKinds of request:");
    for (size_t i = 0; i < SIMKIND_COUNT; i++)
        printf(" %s", simfault_kind_word((enum simkind)i));
    puts(
        "\n\nPOST /control takes {\"fault\": ...}, {\"clear\": NAME or \"all\"}, {\"limit\": ...},\n"
        "{\"counts\": \"zero\"}, {\"append\": N}, "
        "{\"issue\": {\"names\": "
        "[...],\n\"ca\": ..., \"days\": ..., \"form\": \"precert\", \"final\", \"both\" or \"hidden\", "
        "\"ip\": [...],\n"
        "\"pad\": BYTES, \"pad_chain\": BYTES}}, "
        "{\"reveal\": true}, {\"replay\": "
        "ROW},\n{\"list\": ...}, {\"publish\": false}; GET /control tells the counters. The CAs are printed "
        "in the ready "
        "line; their keys\n"
        "are the same in every process. Structure follows the seed; ECDSA signatures and times do not.\n\n"
        "The ready line's list_url is a log list with this log in it (\"own\"), signed with the key beside "
        "it\n"
        "(log_list.key). {\"list\": ...} changes it: {\"add\": {\"name\": ..., and the ready line of another "
        "simulator}},\n{\"state\": {\"name\": ..., \"state\": ...}} (readonly: final is this log's head, or "
        "\"tree_size\" and\n\"sha256_root_hash\"), {\"remove\": NAME}, {\"back\": true}: an older list is "
        "served, "
        "{\"signed\": false}:\nits signature is wrong.");
}

static bool logsim_number(const char *word, const char *text, uint64_t max, uint64_t *value)
{
    if (text_uint(span_str(text), value) && *value <= max)
        return true;
    fprintf(stderr, "ctvigil-logsim: --%s: \"%s\" is not a number from 0 to %" PRIu64 "\n", word, text, max);
    return false;
}

static bool logsim_push(const char *word, const char **list, size_t *count, size_t max, const char *value)
{
    if (*count == max) {
        fprintf(stderr, "ctvigil-logsim: --%s: at most %zu times\n", word, max);
        return false;
    }
    list[(*count)++] = value;
    return true;
}

/* One option; false: it is wrong, and that has been said. */
static bool logsim_option(struct logsim_options *options, int letter)
{
    switch (letter) {
    case 'p':
        return logsim_number("port", optarg, UINT16_MAX, &options->port);
    case 'R':
        return options->rfc6962 = true;
    case 'S':
        return options->static_ct = true;
    case 'n':
        options->has_entries = true;
        return logsim_number("entries", optarg, SIMGEN_ENTRIES_MAX, &options->entries);
    case 'r':
        return logsim_number("rate", optarg, LOGSIM_RATE_MAX, &options->rate);
    case 'f':
        return logsim_push("replay", options->replay, &options->replay_count, LOGSIM_REPLAYS, optarg);
    case 'x':
        return logsim_push("fault", options->fault, &options->fault_count, LOGSIM_FAULTS, optarg);
    case 'O':
        options->operated = optarg;
        return true;
    case 'l':
        return logsim_push("limit", options->limit, &options->limit_count, LOGSIM_LIMITS, optarg);
    case 'F':
        options->limit_scale = optarg;
        return true;
    case 'H':
        options->limit_share = optarg;
        return true;
    case 's':
        return logsim_number("seed", optarg, UINT64_MAX, &options->seed);
    case 'g':
        return logsim_number("page", optarg, LOGSIM_PAGE_MAX, &options->page);
    case 'd':
        options->ca_dir = optarg;
        return true;
    case 'o':
        options->origin = optarg;
        return true;
    case 'i':
        return options->identity = true;
    case 'w':
        return options->warm = true;
    case 'P':
        return options->with_parent = true;
    default:
        return false;
    }
}

/* 0: go on; otherwise the exit code plus one. */
static int logsim_parse(int argc, char **argv, struct logsim_options *options)
{
    int letter;

    *options = (struct logsim_options){.seed = 1, .page = 256};
    while ((letter = getopt_long(argc, argv, "", logsim_long, NULL)) != -1) {
        if (letter == 'h') {
            logsim_help();
            return 1;
        }
        if (letter == 'V') {
            puts("ctvigil-logsim " CTVIGIL_VERSION);
            return 1;
        }
        if (!logsim_option(options, letter))
            return 3;
    }
    if (optind < argc || options->page == 0) {
        fprintf(stderr, "ctvigil-logsim: %s\n",
                optind < argc ? "no arguments are taken; see --help" : "--page: must not be 0");
        return 3;
    }
    if (!options->rfc6962 && !options->static_ct)
        options->rfc6962 = options->static_ct = true;
    if (!options->has_entries)
        options->entries = options->replay_count > 0 ? 0 : LOGSIM_ENTRIES;
    return 0;
}

static enum err_code logsim_fill(struct simworld *world, const struct logsim_options *options,
                                 struct err *why)
{
    enum err_code code = ERR_OK;
    uint64_t count;

    if (options->ca_dir != NULL)
        code = simca_write(world->ca, options->ca_dir, why);
    for (size_t i = 0; i < options->replay_count && code == ERR_OK; i++)
        code = simreplay_file(world->log, options->replay[i], &count, why);
    if (code != ERR_OK)
        return code;
    simgen_mix(world->gen, options->entries, LOGSIM_AGE_MS);
    simworld_publish(world);
    for (size_t i = 0; i < options->fault_count && code == ERR_OK; i++) {
        struct simfault_args args;
        enum simfault_id id;
        code = simfault_set(&world->faults, options->fault[i], &id, &args, why);
        if (code == ERR_OK)
            simworld_fault_on(world, id, &args);
    }
    simworld_publish(world);
    return code;
}

/* Limits stand before the first page is made. */
static enum err_code logsim_limit(struct simworld *world, const struct logsim_options *options,
                                  struct err *why)
{
    enum err_code code = ERR_OK;

    if (options->limit_scale != NULL)
        code = simlimit_scale(world->limits, options->limit_scale, why);
    if (code == ERR_OK && options->limit_share != NULL)
        code = simlimit_share(world->limits, options->limit_share, why);
    if (code == ERR_OK && options->operated != NULL)
        code = simlimit_operator(world->limits, options->operated, why);
    for (size_t i = 0; i < options->limit_count && code == ERR_OK; i++)
        code = simlimit_add(world->limits, options->limit[i], why);
    return code;
}

/* Every whole page is encoded once, so that a benchmark measures its client. */
static void logsim_warm(struct simworld *world)
{
    uint64_t size;

    simlog_read(world->log);
    size = simlog_head(world->log)->size;
    for (enum simpage_form form = 0; form < SIMPAGE_FORMS; form++) {
        uint64_t width = form == SIMPAGE_JSON ? world->page : SIMPAGE_TILE;
        bool wanted = form == SIMPAGE_JSON ? world->serve_rfc6962 : world->serve_static;
        for (uint64_t begin = 0; wanted && begin + width <= size; begin += width) {
            struct span shared;
            struct buf body;
            buf_init(&body, SIMPAGE_BODY_MAX);
            /* What does not fit into one answer is found out again when it is asked for. */
            wanted = simpage_body(world->pages, form, begin, begin + width, &shared, &body);
            buf_fini(&body);
        }
    }
    simlog_done(world->log);
}

static void logsim_tick(struct simworld *world, uint64_t count)
{
    must(pthread_mutex_lock(&world->gen_mutex) == 0);
    simgen_mix(world->gen, count, 0);
    must(pthread_mutex_unlock(&world->gen_mutex) == 0);
    simworld_publish(world);
}

/* Signs the same tree again when its head has grown old. */
static void logsim_refresh(struct simworld *world)
{
    simlog_write(world->log);
    if (clock_wall_ms() - simlog_head(world->log)->timestamp_ms >= LOGSIM_REFRESH_MS)
        simlog_publish(world->log, simlog_size(world->log) - simlog_head(world->log)->size);
    simlog_done(world->log);
}

static void logsim_ticker_run(void *arg)
{
    struct logsim_ticker *ticker = arg;
    int64_t start = clock_mono_ms();
    uint64_t made = 0;

    while (!atomic_load(&ticker->stop)) {
        uint64_t due = (uint64_t)(clock_mono_ms() - start) * ticker->world->rate / 1000;
        if (due > made)
            logsim_tick(ticker->world, due - made);
        made = due;
        logsim_refresh(ticker->world);
        clock_sleep_ms(LOGSIM_TICK_MS);
    }
}

static void logsim_addresses(struct simworld *world, const struct logsim_options *options, uint16_t port)
{
    (void)snprintf(world->control_url, sizeof world->control_url, "http://127.0.0.1:%u/control",
                   (unsigned)port);
    if (options->origin != NULL)
        (void)snprintf(world->origin, sizeof world->origin, "%s", options->origin);
    else
        (void)snprintf(world->origin, sizeof world->origin, "127.0.0.1:%u/static", (unsigned)port);
    (void)snprintf(world->rfc6962_url, sizeof world->rfc6962_url, "http://127.0.0.1:%u/rfc6962",
                   (unsigned)port);
    (void)snprintf(world->static_url, sizeof world->static_url, "http://127.0.0.1:%u/static", (unsigned)port);
    (void)snprintf(world->list_url, sizeof world->list_url, "http://127.0.0.1:%u/list/log_list.json",
                   (unsigned)port);
    (void)snprintf(world->submission_url, sizeof world->submission_url, "http://%.280s", world->origin);
}

/* Serves until a signal asks it to end. */
static enum err_code logsim_serve(struct simworld *world, const struct logsim_options *options,
                                  struct err *why)
{
    struct logsim_ticker ticker = {.world = world};
    struct simhttp *http;
    uint16_t port = (uint16_t)options->port;
    sigset_t signals;
    int got;
    char *line;
    enum err_code code;

    (void)sigemptyset(&signals);
    (void)sigaddset(&signals, SIGINT);
    (void)sigaddset(&signals, SIGTERM);
    (void)sigaddset(&signals, SIGHUP);
    must(pthread_sigmask(SIG_BLOCK, &signals, NULL) == 0);
    /* The first checkpoint waits until the log knows its own name, which may hold the port. */
    simlog_write(world->log);
    code = simhttp_start(world, &port, &http, why);
    if (code == ERR_OK)
        logsim_addresses(world, options, port);
    simlog_done(world->log);
    if (code != ERR_OK)
        return code;
    if (options->warm)
        logsim_warm(world);
    must(thread_start(&ticker.thread, "sim-ticker", logsim_ticker_run, &ticker));
    line = simcontrol_ready_line(world);
    printf("%s\n", line);
    if (fflush(stdout) != 0)
        code = err_set(why, ERR_SYSTEM, "standard output: %s", strerror(errno));
    free(line);
    if (code == ERR_OK)
        must(sigwait(&signals, &got) == 0);
    atomic_store(&ticker.stop, true);
    thread_join(&ticker.thread);
    simhttp_stop(http);
    return code;
}

static void logsim_make(struct simworld *world, const struct logsim_options *options)
{
    char label[64];

    (void)snprintf(label, sizeof label, "log %" PRIu64, options->seed);
    must(pthread_mutex_init(&world->gen_mutex, NULL) == 0);
    simfault_init(&world->faults);
    world->serve_rfc6962 = options->rfc6962;
    world->serve_static = options->static_ct;
    world->gzip = !options->identity;
    struct simlimit_set page = simlimit_get(world->limits, SIMLIMIT_PAGE);
    world->page = page.on ? (uint64_t)page.value : options->page;
    world->edge = page.edge;
    world->rate = options->rate;
    world->log = simlog_new(label, options->static_ct);
    world->ca = simca_new();
    world->gen = simgen_new(world->log, world->ca, options->seed);
    world->list = simlist_new();
    world->pages = simpage_new(world->log, &world->faults, world->page);
}

static void logsim_unmake(struct simworld *world)
{
    simpage_free(world->pages);
    simlist_free(world->list);
    simgen_free(world->gen);
    simca_free(world->ca);
    simlog_free(world->log);
    simlimit_free(world->limits);
    simfault_fini(&world->faults);
    (void)pthread_mutex_destroy(&world->gen_mutex);
}

int main(int argc, char **argv)
{
    static struct simworld world;
    struct logsim_options options;
    struct err why = {0};
    pid_t parent = getppid();
    int done = logsim_parse(argc, argv, &options);

    if (done != 0)
        return done - 1;
    if (options.with_parent && (prctl(PR_SET_PDEATHSIG, SIGTERM) != 0 || getppid() != parent))
        return 4;
    (void)signal(SIGPIPE, SIG_IGN);
    world.limits = simlimit_new();
    if (logsim_limit(&world, &options, &why) != ERR_OK) {
        fprintf(stderr, "ctvigil-logsim: %s\n", why.text);
        return err_class(why.code) == ERR_CLASS_USAGE ? 2 : 4;
    }
    logsim_make(&world, &options);
    if (logsim_fill(&world, &options, &why) == ERR_OK)
        (void)logsim_serve(&world, &options, &why);
    logsim_unmake(&world);
    if (why.code == ERR_OK)
        return 0;
    fprintf(stderr, "ctvigil-logsim: %s\n", why.text);
    return err_class(why.code) == ERR_CLASS_USAGE ? 2 : 4;
}

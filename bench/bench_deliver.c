/* A million alerts wait: how fast they leave through the notifier, and what that costs in memory. One channel
 * writes JSON lines to /dev/null, so that what is measured is ours: claiming, reading, wording, writing down.
 * A second channel wants none of them. A private PostgreSQL, or --dsn. */
#include <fcntl.h>
#include <libpq-fe.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/metric.h"
#include "base/text.h"
#include "db/cluster.h"
#include "db/migrate.h"
#include "watcher/chanrule.h"
#include "watcher/deliver.h"
#include "watcher/send_stdout.h"

#define ALERTS       1000000
#define LOOKS        10
#define SLICE        50000 /* alerts made by one statement, so that it shows how far it is */
#define PROGRESS_S   5
#define GROWTH_LIMIT 1.25 /* memory at the end, of that at a tenth */

static void die(const char *what, const struct err *why)
{
    fprintf(stderr, "bench_deliver: %s: %s\n", what, why->text);
    exit(4);
}

static void sql(PGconn *pg, const char *text)
{
    PGresult *res = PQexec(pg, text);
    if (PQresultStatus(res) != PGRES_COMMAND_OK && PQresultStatus(res) != PGRES_TUPLES_OK) {
        fprintf(stderr, "bench_deliver: %s\n", PQerrorMessage(pg));
        exit(4);
    }
    PQclear(res);
}

static double megabytes(void)
{
    unsigned long pages = 0;
    FILE *file = fopen("/proc/self/statm", "re");
    char line[128] = "";
    if (file != NULL && fgets(line, sizeof line, file) != NULL) {
        char *end;
        (void)strtoul(line, &end, 10);
        pages = strtoul(end, NULL, 10);
    }
    if (file != NULL)
        (void)fclose(file);
    return (double)pages * (double)sysconf(_SC_PAGESIZE) / 1048576;
}

static void fill_slice(PGconn *pg, uint64_t begin, uint64_t end)
{
    char text[1600];
    (void)snprintf(
        text, sizeof text,
        "WITH made AS (INSERT INTO alert (domain_name, kind, severity, name, tbs_fp, dedup, findings, "
        "issuance,"
        " first_seen)"
        " SELECT 'd' || i %% 10000 || '.example', 'unexpected_ca', 'high', 'www' || i || '.example',"
        " sha256(i::text::bytea), 'bench:' || i, jsonb_build_array(jsonb_build_object('kind', "
        "'unexpected_ca',"
        " 'rule', 'allow_ca', 'severity', 'high', 'expected', 'letsencrypt.org', 'found',"
        " 'CN=Other Authority (spki:' || encode(sha256('x'), 'hex') || ')')), jsonb_build_object('serial',"
        " md5(i::text), 'issuer', 'CN=Other Authority, O=Other', 'spki_sha256', encode(sha256('y'), 'hex'),"
        " 'not_before', '2026-06-01T00:00:00Z', 'not_after', '2026-08-30T00:00:00Z', 'names',"
        " jsonb_build_array('www' || i || '.example')), now()"
        " FROM generate_series(%" PRIu64 "::int8, %" PRIu64 "::int8) AS i RETURNING id),"
        " seen AS (INSERT INTO alert_sighting (alert, log, idx, form, timestamp)"
        "  SELECT m.id, l.id, m.id, 'precert', now() FROM made AS m, log AS l WHERE l.name = 'bench')"
        " INSERT INTO outbox (alert, channel) SELECT m.id, c FROM made AS m, unnest(ARRAY['lines', 'choosy'])"
        " AS c",
        begin, end);
    sql(pg, text);
}

static void fill(PGconn *pg, uint64_t alerts)
{
    int64_t begun_ms = clock_mono_ms();
    int64_t said_ms = begun_ms;
    sql(pg, "INSERT INTO log (name, protocol, url, submission_url, key, log_id) VALUES ('bench', 'rfc6962',"
            " 'https://log.test/', 'https://log.test/', '\\x00', sha256('bench')) ON CONFLICT DO NOTHING");
    for (uint64_t at = 0; at < alerts; at += SLICE) {
        fill_slice(pg, at + 1, at + SLICE < alerts ? at + SLICE : alerts);
        if (clock_mono_ms() - said_ms < PROGRESS_S * 1000)
            continue;
        said_ms = clock_mono_ms();
        fprintf(stderr, "%9" PRIu64 " made  %6.1f s\n", at + SLICE < alerts ? at + SLICE : alerts,
                (double)(said_ms - begun_ms) / 1000);
    }
    sql(pg, "VACUUM ANALYZE alert, outbox, alert_sighting");
    fprintf(stderr, "%9" PRIu64 " made  %6.1f s\n", alerts, (double)(clock_mono_ms() - begun_ms) / 1000);
}

static struct channel *lines_to_nowhere(const char *name)
{
    int fd = open("/dev/null", O_WRONLY | O_CLOEXEC);
    struct channel *channel = send_stdout_new(fd, 10000);
    must(fd >= 0 && channel != NULL);
    send_stdout_name(channel, name);
    return channel;
}

static int64_t waiting(PGconn *pg)
{
    PGresult *res = PQexec(pg, "SELECT count(*) FROM outbox WHERE state = 'pending'");
    int64_t count = -1;
    if (PQresultStatus(res) == PGRES_TUPLES_OK && !text_int(span_str(PQgetvalue(res, 0, 0)), &count))
        count = -1;
    PQclear(res);
    return count;
}

static double cpu_seconds(void)
{
    struct rusage usage;
    must(getrusage(RUSAGE_SELF, &usage) == 0);
    return (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
           (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6;
}

/* Shows how far it is meanwhile. */
static void await(uint64_t sent, int64_t begun_ms)
{
    int64_t said_ms = clock_mono_ms();
    while (metric_read(METRIC_DELIVERIES_TOTAL) < sent) {
        clock_sleep_ms(20);
        if (clock_mono_ms() - said_ms < PROGRESS_S * 1000)
            continue;
        said_ms = clock_mono_ms();
        fprintf(stderr, "%9" PRIu64 " sent  %6.1f s\n", metric_read(METRIC_DELIVERIES_TOTAL),
                (double)(said_ms - begun_ms) / 1000);
    }
}

static void drain(const char *dsn, PGconn *pg, uint64_t alerts)
{
    static char empty[1];
    struct chanconf conf = {.severity = (char[9]){"critical"},
                            .kinds = empty,
                            .domains = empty,
                            .tags = empty,
                            .quiet = empty,
                            .digest = empty,
                            .escalate_to = empty,
                            .time_zone = (char[4]){"UTC"}};
    struct channel *channels[] = {lines_to_nowhere("lines"), lines_to_nowhere("choosy")};
    struct deliver_options options = {.dsn = dsn, .channels = channels, .channel_count = 2};
    struct deliver *deliver = NULL;
    struct err why = {0};
    if (chanrule_new(&conf, &channels[1]->rule, &why) != ERR_OK ||
        deliver_start(&options, &deliver, &why) != ERR_OK)
        die("notifier", &why);
    int64_t begun_ms = clock_mono_ms();
    double at[LOOKS + 1] = {0};
    for (uint64_t look = 1; look <= LOOKS; look++) {
        await(alerts * look / LOOKS, begun_ms);
        at[look] = megabytes();
        printf("%9" PRIu64 " sent  %6.1f s  memory %.1f MB\n", metric_read(METRIC_DELIVERIES_TOTAL),
               (double)(clock_mono_ms() - begun_ms) / 1000, at[look]);
        (void)fflush(stdout);
    }
    double seconds = (double)(clock_mono_ms() - begun_ms) / 1000;
    while (!deliver_idle(deliver, 60000))
        clock_sleep_ms(100);
    double cpu = cpu_seconds();
    printf("alerts %" PRIu64 ", %.0f a second, %.0f in a second of this program's processor time;"
           " left in the outbox %" PRId64 "\n",
           alerts, (double)alerts / seconds, (double)alerts / (cpu > 0 ? cpu : 1), waiting(pg));
    printf("memory at 10 %% %.1f MB, at 50 %% %.1f MB, at 100 %% %.1f MB: %.2f times that at 10 %%"
           " (limit %.2f): %s\n",
           at[1], at[LOOKS / 2], at[LOOKS], at[LOOKS] / at[1], GROWTH_LIMIT,
           at[LOOKS] <= at[1] * GROWTH_LIMIT ? "met" : "MISSED");
    deliver_stop(deliver);
}

static int run(const char *dsn, uint64_t alerts)
{
    struct err why = {0};
    struct pgconn *conn = NULL;
    unsigned applied = 0;
    if (pgconn_open(dsn, &conn, &why) != ERR_OK || migrate_run(conn, &applied, &why) != ERR_OK)
        die("database", &why);
    pgconn_free(conn);
    PGconn *pg = PQconnectdb(dsn);
    sql(pg, "SET search_path TO ctvigil, public");
    fill(pg, alerts);
    drain(dsn, pg, alerts);
    int64_t left = waiting(pg);
    PQfinish(pg);
    return left == 0 ? 0 : 1;
}

static const char help[] =
    "usage: bench_deliver [--alerts N] [--dsn DSN]\n"
    "Makes N alerts (1000000; at least 10) for two channels and delivers them: one writes lines to "
    "/dev/null,\n"
    "the other wants none. Without --dsn in a private database that is removed afterwards. Progress is on\n"
    "stderr, every five seconds.\n";

int main(int argc, char **argv)
{
    char dir[] = "/tmp/ctvigil-bench-XXXXXX";
    char command[64];
    struct err why = {0};
    struct cluster *cluster = NULL;
    uint64_t alerts = ALERTS;
    const char *dsn = NULL;
    if (argc == 3 && strcmp(argv[1], CLUSTER_KEEPER_COMMAND) == 0)
        return cluster_keeper_main(argv[2]);
    if (argc == 2 && strcmp(argv[1], "--help") == 0)
        return printf("%s", help), 0;
    for (int i = 1; i < argc; i += 2) {
        if (i + 1 < argc && strcmp(argv[i], "--dsn") == 0)
            dsn = argv[i + 1];
        else if (i + 1 == argc || strcmp(argv[i], "--alerts") != 0 ||
                 !text_uint(span_str(argv[i + 1]), &alerts) || alerts < LOOKS)
            return fprintf(stderr, "%s", help), 2;
    }
    if (dsn != NULL)
        return run(dsn, alerts);
    if (mkdtemp(dir) == NULL || cluster_use(dir, "/proc/self/exe", &cluster, &why) != ERR_OK)
        die("private cluster", &why);
    int code = run(cluster_dsn(cluster), alerts);
    cluster_release(cluster);
    clock_sleep_ms(2000);
    (void)snprintf(command, sizeof command, "rm -rf '%s'", dir);
    return system(command) == 0 ? code : 4;
}

#include "cli/heartbeat.h"

#include <stdlib.h>

#include "base/metric.h"
#include "base/say.h"
#include "cli/chore.h"
#include "db/db_health.h"
#include "watcher/httppost.h"
#include "watcher/secretfile.h"

#define HEARTBEAT_TIMEOUT_MS 10000

struct heartbeat {
    char *dsn;
    struct httppost *post;
    int64_t every_ms;
    bool silent; /* the last one was not sent, or not taken */
    struct chore chore;
};

static void heartbeat_said(struct heartbeat *heartbeat, const char *reason)
{
    if (reason != NULL && !heartbeat->silent)
        say_warn("heartbeat", "no sign of life goes out: %s", reason);
    else if (reason == NULL && heartbeat->silent)
        say_info("heartbeat", "signs of life go out again");
    heartbeat->silent = reason != NULL;
}

/* NULL: all is well. */
static const char *heartbeat_ill(const struct heartbeat *heartbeat, struct err *why)
{
    struct db_health health = {0};
    struct pgconn *conn = NULL;
    enum err_code code = pgconn_open(heartbeat->dsn, &conn, why);

    if (code == ERR_OK)
        code = db_health_look(conn, &health, why);
    pgconn_free(conn);
    if (code != ERR_OK)
        return why->text;
    if (health.logs_stale != 0)
        return "a log is out of date";
    if (health.channels_failing != 0)
        return "a channel is failing";
    return health.overdue != 0 ? "deliveries are due that nobody takes" : NULL;
}

static int64_t heartbeat_look(void *arg)
{
    static const char *const none[] = {NULL};
    struct heartbeat *heartbeat = arg;
    struct err why = {0};
    int64_t retry_ms = 0;
    const char *ill = heartbeat_ill(heartbeat, &why);

    if (ill == NULL &&
        httppost_send(heartbeat->post, NULL, none, &heartbeat->chore.stop, &retry_ms, &why) != ERR_OK)
        ill = why.text;
    if (atomic_load(&heartbeat->chore.stop))
        return heartbeat->every_ms;
    heartbeat_said(heartbeat, ill);
    if (ill == NULL)
        metric_add(METRIC_HEARTBEATS_TOTAL, 1);
    return heartbeat->every_ms;
}

static enum err_code heartbeat_post(const struct conf *conf, struct httppost **post, struct err *why)
{
    struct httppost_options options = {.url = conf->heartbeat.url,
                                       .ca_file = "",
                                       .allow_private = conf->heartbeat.allow_private,
                                       .timeout_ms = HEARTBEAT_TIMEOUT_MS};
    char *from_file = NULL;
    enum err_code code = ERR_OK;

    *post = NULL;
    if (conf->heartbeat.url_file[0] != '\0' && conf->heartbeat.url[0] != '\0')
        return err_set(why, ERR_CONFIG, "heartbeat.url_file: heartbeat.url is given, too");
    if (conf->heartbeat.url_file[0] != '\0') {
        code = secretfile_read("heartbeat.url_file", conf->heartbeat.url_file, &from_file, why);
        options.url = from_file;
    }
    if (code == ERR_OK && options.url[0] != '\0') {
        struct err own = {0};
        code = httppost_new(&options, post, &own);
        if (code != ERR_OK)
            code = err_set(why, code, "heartbeat.%s", own.text);
    }
    free(from_file);
    return code;
}

enum err_code heartbeat_check(const struct conf *conf, struct err *why)
{
    struct httppost *post = NULL;
    enum err_code code = heartbeat_post(conf, &post, why);

    httppost_free(post);
    return code;
}

enum err_code heartbeat_start(const struct conf *conf, const char *dsn, struct heartbeat **out,
                              struct err *why)
{
    struct httppost *post = NULL;
    enum err_code code = heartbeat_post(conf, &post, why);

    *out = NULL;
    if (code != ERR_OK || post == NULL)
        return code;
    struct heartbeat *heartbeat = calloc(1, sizeof *heartbeat);
    must(heartbeat != NULL);
    heartbeat->post = post;
    heartbeat->every_ms = 1000 * conf->heartbeat.every_s;
    heartbeat->dsn = strdup(dsn);
    must(heartbeat->dsn != NULL);
    code = chore_start(&heartbeat->chore, "heartbeat", heartbeat_look, heartbeat, why);
    if (code != ERR_OK)
        heartbeat_stop(heartbeat);
    else
        *out = heartbeat;
    return code;
}

void heartbeat_stop(struct heartbeat *heartbeat)
{
    if (heartbeat == NULL)
        return;
    chore_stop(&heartbeat->chore);
    httppost_free(heartbeat->post);
    free(heartbeat->dsn);
    free(heartbeat);
}

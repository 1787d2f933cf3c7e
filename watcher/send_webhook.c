#include "watcher/send_webhook.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/limits.h"
#include "base/text.h"
#include "watcher/httppost.h"
#include "watcher/secretfile.h"
#include "watcher/webhookbody.h"

#define TIMEOUT_S     15
#define PAGERDUTY_URL "https://events.pagerduty.com/v2/enqueue"

struct webhook {
    struct channel channel;
    char name[CHANCONF_NAME_MAX + 1];
    enum webhookbody_preset preset;
    char *secret; /* NULL: none */
    struct httppost *post;
};

void send_webhook_sign(const char *secret, int64_t unix_s, const char *body, char *out)
{
    struct buf signed_text;
    uint8_t mac[EVP_MAX_MD_SIZE];
    unsigned len = 0;
    buf_init(&signed_text, strlen(body) + 32);
    buf_fmt(&signed_text, "%" PRId64 ".", unix_s);
    buf_str(&signed_text, body);
    must(buf_ok(&signed_text));
    must(HMAC(EVP_sha256(), secret, (int)strlen(secret), signed_text.at, signed_text.len, mac, &len) != NULL);
    memcpy(out, "v1=", 3);
    (void)text_hex(span_of(mac, len), out + 3);
    buf_fini(&signed_text);
}

static enum err_code post_body(struct webhook *webhook, const char *body, const char *key, struct err *why)
{
    char idempotency[128];
    char stamp[64];
    char signature[SEND_WEBHOOK_SIGNATURE_MAX];
    char signed_line[128];
    const char *headers[8] = {"Content-Type: application/json", "Expect:"};
    size_t count = 2;
    int64_t now_s = clock_wall_ms() / 1000;
    if (key[0] != '\0') {
        (void)snprintf(idempotency, sizeof idempotency, "Idempotency-Key: %s", key);
        headers[count++] = idempotency;
    }
    if (webhook->secret != NULL && webhook->preset == WEBHOOKBODY_GENERIC) {
        send_webhook_sign(webhook->secret, now_s, body, signature);
        (void)snprintf(stamp, sizeof stamp, "X-Ctvigil-Timestamp: %" PRId64, now_s);
        (void)snprintf(signed_line, sizeof signed_line, "X-Ctvigil-Signature: %s", signature);
        headers[count++] = stamp;
        headers[count++] = signed_line;
    }
    return httppost_send(webhook->post, body, headers, webhook->channel.stop, &webhook->channel.retry_ms,
                         why);
}

static enum err_code send_one(struct channel *channel, const struct channel_message *message, struct err *why)
{
    struct webhook *webhook = (struct webhook *)channel;
    char *body = NULL;
    enum err_code code = webhookbody_one(webhook->preset, message, webhook->secret, &body, why);
    if (code == ERR_OK)
        code = post_body(webhook, body, message->key, why);
    free(body);
    return code;
}

static enum err_code send_digest(struct channel *channel, const struct channel_digest *digest,
                                 struct err *why)
{
    struct webhook *webhook = (struct webhook *)channel;
    char *body = NULL;
    enum err_code code = webhookbody_digest(webhook->preset, digest, &body, why);
    if (code == ERR_OK)
        code = post_body(webhook, body, digest->key, why);
    free(body);
    return code;
}

static enum err_code end_incident(struct channel *channel, const struct channel_message *message,
                                  struct err *why)
{
    struct webhook *webhook = (struct webhook *)channel;
    char *body = NULL;
    enum err_code code = webhookbody_over(message->row, webhook->secret, &body, why);
    if (code == ERR_OK)
        code = post_body(webhook, body, "", why);
    free(body);
    return code;
}

static void destroy(struct channel *channel)
{
    struct webhook *webhook = (struct webhook *)channel;
    httppost_free(webhook->post);
    if (webhook->secret != NULL)
        OPENSSL_cleanse(webhook->secret, strlen(webhook->secret));
    free(webhook->secret);
    free(webhook);
}

static const struct channel_ops ops = {.send = send_one, .free = destroy, .send_digest = send_digest};
static const struct channel_ops pager_ops = {.send = send_one, .free = destroy, .over = end_incident};

static enum err_code read_secret(struct webhook *webhook, const struct chanconf *conf, struct err *why)
{
    bool given = conf->secret_file[0] != '\0';
    if (webhook->preset == WEBHOOKBODY_PAGERDUTY && !given)
        return err_set(why, ERR_CONFIG,
                       "secret_file: it has to name the file with PagerDuty's integration key");
    if (given && (webhook->preset == WEBHOOKBODY_SLACK || webhook->preset == WEBHOOKBODY_TEAMS))
        return err_set(why, ERR_CONFIG, "secret_file: %s has no use for it; its secret is the URL (url_file)",
                       conf->preset);
    return given ? secretfile_read("secret_file", conf->secret_file, &webhook->secret, why) : ERR_OK;
}

static enum err_code open_post(struct webhook *webhook, const struct chanconf *conf, struct err *why)
{
    char *from_file = NULL;
    enum err_code code = ERR_OK;
    struct httppost_options options = {.url = conf->url,
                                       .ca_file = conf->ca_file,
                                       .allow_private = conf->allow_private,
                                       .timeout_ms =
                                           1000 * (conf->timeout_s > 0 ? conf->timeout_s : TIMEOUT_S)};
    if (conf->url[0] != '\0' && conf->url_file[0] != '\0')
        return err_set(why, ERR_CONFIG, "url_file: url is given, too");
    if (conf->url_file[0] != '\0') {
        code = secretfile_read("url_file", conf->url_file, &from_file, why);
        options.url = from_file;
    } else if (conf->url[0] == '\0' && webhook->preset == WEBHOOKBODY_PAGERDUTY) {
        options.url = PAGERDUTY_URL;
    }
    if (code == ERR_OK && options.url[0] == '\0')
        code = err_set(why, ERR_CONFIG, "url: a webhook has one, or url_file");
    if (code == ERR_OK)
        code = httppost_new(&options, &webhook->post, why);
    webhook->channel.send_ms_max = options.timeout_ms + 2000;
    free(from_file);
    return code;
}

enum err_code send_webhook_new(const struct chanconf *conf, struct channel **channel, struct err *why)
{
    struct webhook *webhook = calloc(1, sizeof *webhook);
    must(webhook != NULL);
    *channel = NULL;
    (void)snprintf(webhook->name, sizeof webhook->name, "%s", conf->name);
    webhook->preset = webhookbody_preset(conf->preset);
    webhook->channel = (struct channel){.ops = webhook->preset == WEBHOOKBODY_PAGERDUTY ? &pager_ops : &ops,
                                        .name = webhook->name};
    enum err_code code = read_secret(webhook, conf, why);
    if (code == ERR_OK)
        code = open_post(webhook, conf, why);
    if (code != ERR_OK)
        destroy(&webhook->channel);
    else
        *channel = &webhook->channel;
    return code;
}

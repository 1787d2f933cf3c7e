#include "watcher/send_mail.h"

#include <curl/curl.h>
#include <openssl/crypto.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/limits.h"
#include "base/text.h"
#include "watcher/brief.h"
#include "watcher/mailpage.h"
#include "watcher/message.h"
#include "watcher/mime.h"
#include "watcher/secretfile.h"

#define TIMEOUT_S   15
#define WHERE_MAX   300
#define SUBJECT_MAX 180
#define ANSWER_MAX  400

struct mail {
    struct channel channel;
    char name[CHANCONF_NAME_MAX + 1];
    CURL *curl;
    struct curl_slist *recipients;
    const char *to[SEND_MAIL_RECIPIENTS_MAX];
    size_t to_count;
    char *from;
    char *password;
    char where[WHERE_MAX];
    int64_t timeout_ms;
    /* one transfer */
    struct span left;
    char answer[ANSWER_MAX]; /* the server's last line, or the one that refused something */
    char reason[CURL_ERROR_SIZE];
};

static size_t give(char *at, size_t size, size_t count, void *arg)
{
    struct mail *mail = arg;
    size_t len = size * count < mail->left.len ? size * count : mail->left.len;
    memcpy(at, mail->left.at, len);
    mail->left = span_part(mail->left, len, mail->left.len);
    return len;
}

static size_t take_answer(char *at, size_t size, size_t count, void *arg)
{
    struct mail *mail = arg;
    size_t len = size * count;
    size_t shown = len < 80 ? len : 80;
    if (mail->answer[0] == '4' || mail->answer[0] == '5')
        return len;
    while (shown != 0 && (at[shown - 1] == '\r' || at[shown - 1] == '\n'))
        shown--;
    (void)text_visible_str(span_of((const uint8_t *)at, shown), mail->answer, sizeof mail->answer);
    return len;
}

static int look(void *arg, curl_off_t a, curl_off_t b, curl_off_t c, curl_off_t d)
{
    const struct mail *mail = arg;
    (void)a;
    (void)b;
    (void)c;
    (void)d;
    return mail->channel.stop != NULL && atomic_load(mail->channel.stop);
}

static enum err_code transfer(struct mail *mail, struct buf *bytes, struct err *why)
{
    if (!buf_ok(bytes))
        return err_set(why, ERR_TOO_BIG, "%s: the mail is too large", mail->where);
    mail->left = buf_span(bytes);
    mail->answer[0] = '\0';
    mail->reason[0] = '\0';
    CURLcode result = curl_easy_setopt(mail->curl, CURLOPT_INFILESIZE_LARGE, (curl_off_t)bytes->len);
    if (result == CURLE_OK)
        result = curl_easy_perform(mail->curl);
    if (result == CURLE_OK)
        return ERR_OK;
    const char *colon = mail->answer[0] == '\0' ? "" : "; it said: ";
    return err_set(why, result == CURLE_OPERATION_TIMEDOUT ? ERR_TIMEOUT : ERR_NETWORK, "%s: %s%s%s",
                   mail->where, mail->reason[0] != '\0' ? mail->reason : curl_easy_strerror(result), colon,
                   mail->answer);
}

static enum err_code post(struct mail *mail, const char *key, const char *thread, const char *subject,
                          const char *text, const char *html, struct err *why)
{
    char id[200];
    char thread_id[200];
    const char *domain = strchr(mail->from, '@') + 1;
    struct buf bytes;
    (void)snprintf(id, sizeof id, "%s.ctvigil@%.120s", key, domain);
    (void)snprintf(thread_id, sizeof thread_id, "%s@%.120s", thread == NULL ? "" : thread, domain);
    const struct mime_mail parts = {.from = mail->from,
                                    .to = mail->to,
                                    .to_count = mail->to_count,
                                    .subject = subject,
                                    .message_id = id,
                                    .thread_id = thread == NULL ? NULL : thread_id,
                                    .unix_ms = clock_wall_ms(),
                                    .text = text,
                                    .html = html};
    buf_init(&bytes, 8 * LIMIT_MESSAGE_BYTES);
    mime_put(&bytes, &parts);
    enum err_code code = transfer(mail, &bytes, why);
    buf_fini(&bytes);
    return code;
}

/* What a person sees in the list of mails: severity, kind, whose. */
static void subject_of(const struct db_alert_row *row, char out[SUBJECT_MAX])
{
    char text[1024];
    const char *name = row->name != NULL ? row->name : row->domain != NULL ? row->domain : row->log;
    const char *event = strcmp(row->event, "new") == 0 ? "" : row->event;
    (void)snprintf(text, sizeof text, "[ctvigil %s] %s%s%s%s%s", row->severity, event,
                   event[0] == '\0' ? "" : ": ", row->kind, name == NULL ? "" : " ",
                   name == NULL ? "" : name);
    brief_cut(text, SUBJECT_MAX - 1, out, SUBJECT_MAX);
}

static enum err_code send_one(struct channel *channel, const struct channel_message *message, struct err *why)
{
    struct mail *mail = (struct mail *)channel;
    char subject[SUBJECT_MAX];
    char thread[BRIEF_NAME_MAX];
    char *page = NULL;
    struct brief brief;
    struct buf html;
    enum err_code code = message_page(message->row, &page, why);
    if (code != ERR_OK)
        return code;
    brief_make(message->row, message->line, &brief);
    buf_init(&html, LIMIT_MESSAGE_BYTES);
    mailpage_alert(&html, message->row->kind, message->row->severity, &brief);
    subject_of(message->row, subject);
    struct buf text;
    buf_init(&text, 2 * LIMIT_MESSAGE_BYTES);
    buf_fmt(&text, "%s\n\n", message->line);
    buf_str(&text, page);
    buf_fmt(&text, "\nIf it is fine: ctvigil alert ack %" PRId64 " --reason TEXT\n", message->row->id);
    code = buf_ok(&html) && buf_ok(&text)
               ? post(mail, message->key, brief_name(message->row, thread), subject, buf_text(&text),
                      buf_text(&html), why)
               : err_set(why, ERR_TOO_BIG, "%s: the mail is too large", mail->where);
    buf_fini(&text);
    buf_fini(&html);
    free(page);
    return code;
}

static enum err_code send_digest(struct channel *channel, const struct channel_digest *digest,
                                 struct err *why)
{
    struct mail *mail = (struct mail *)channel;
    char subject[SUBJECT_MAX];
    struct buf text;
    struct buf html;
    buf_init(&text, LIMIT_MESSAGE_BYTES);
    buf_init(&html, 2 * LIMIT_MESSAGE_BYTES);
    (void)snprintf(subject, sizeof subject, "[ctvigil] %zu alert%s", digest->count,
                   digest->count == 1 ? "" : "s");
    mailpage_digest(&html, digest);
    for (size_t i = 0; i < digest->count; i++) {
        const struct channel_gathered *one = &digest->alerts[i];
        char label[40];
        char line[2 * BRIEF_TITLE_MAX];
        brief_cut(one->line, sizeof line - 1, line, sizeof line);
        (void)snprintf(label, sizeof label, "%" PRId64, one->id);
        buf_fmt(&text, "%s  %s\n\n", label, line);
    }
    buf_str(&text, "Each with its evidence: ctvigil alert show ID\n");
    enum err_code code = buf_ok(&html) && buf_ok(&text)
                             ? post(mail, digest->key, NULL, subject, buf_text(&text), buf_text(&html), why)
                             : err_set(why, ERR_TOO_BIG, "%s: the mail is too large", mail->where);
    buf_fini(&text);
    buf_fini(&html);
    return code;
}

static void destroy(struct channel *channel)
{
    struct mail *mail = (struct mail *)channel;
    if (mail->curl != NULL)
        curl_easy_cleanup(mail->curl);
    curl_slist_free_all(mail->recipients);
    if (mail->password != NULL)
        OPENSSL_cleanse(mail->password, strlen(mail->password));
    free(mail->password);
    free(mail->from);
    free(mail);
}

static const struct channel_ops ops = {.send = send_one, .free = destroy, .send_digest = send_digest};

/* The list of recipients keeps the texts. */
static enum err_code read_recipients(struct mail *mail, const char *list, struct err *why)
{
    while (*(list += strspn(list, ", \t")) != '\0') {
        char address[300];
        size_t len = strcspn(list, ", \t");
        (void)snprintf(address, sizeof address, "%.*s", (int)len, list);
        list += len;
        if (!mime_address(address))
            return err_set(why, ERR_CONFIG, "to: '%s' is no mail address", address);
        if (mail->to_count == SEND_MAIL_RECIPIENTS_MAX)
            return err_set(why, ERR_CONFIG, "to: more than %d addresses", SEND_MAIL_RECIPIENTS_MAX);
        struct curl_slist *longer = curl_slist_append(mail->recipients, address);
        must(longer != NULL);
        mail->recipients = longer;
        while (longer->next != NULL)
            longer = longer->next;
        mail->to[mail->to_count++] = longer->data;
    }
    return mail->to_count != 0 ? ERR_OK : err_set(why, ERR_CONFIG, "to: a mail goes to somebody");
}

static enum err_code read_server(struct mail *mail, const struct chanconf *conf, struct err *why)
{
    CURLU *url = curl_url();
    char *scheme = NULL;
    char *host = NULL;
    char *user = NULL;
    enum err_code code = ERR_OK;
    must(url != NULL);
    if (curl_url_set(url, CURLUPART_URL, conf->server, 0) != CURLUE_OK ||
        curl_url_get(url, CURLUPART_SCHEME, &scheme, 0) != CURLUE_OK ||
        curl_url_get(url, CURLUPART_HOST, &host, 0) != CURLUE_OK ||
        (strcmp(scheme, "smtp") != 0 && strcmp(scheme, "smtps") != 0))
        code = err_set(why, ERR_CONFIG, "server: neither smtp://HOST[:PORT] nor smtps://HOST[:PORT]");
    else if (curl_url_get(url, CURLUPART_USER, &user, 0) == CURLUE_OK)
        code = err_set(why, ERR_CONFIG, "server: user and password have keys of their own");
    else
        (void)snprintf(mail->where, sizeof mail->where, "%s://%.200s", scheme, host);
    curl_free(scheme);
    curl_free(host);
    curl_free(user);
    curl_url_cleanup(url);
    return code;
}

static bool set_up(struct mail *mail, const struct chanconf *conf)
{
    CURL *curl = mail->curl;
    bool ok = curl_easy_setopt(curl, CURLOPT_URL, conf->server) == CURLE_OK;
    ok = ok && curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, mail->reason) == CURLE_OK;
    ok = ok && curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L) == CURLE_OK;
    ok = ok && curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "smtp,smtps") == CURLE_OK;
    ok = ok && curl_easy_setopt(curl, CURLOPT_PROXY, "") == CURLE_OK;
    ok = ok && curl_easy_setopt(curl, CURLOPT_NETRC, (long)CURL_NETRC_IGNORED) == CURLE_OK;
    ok = ok && curl_easy_setopt(curl, CURLOPT_USE_SSL,
                                (long)(conf->cleartext ? CURLUSESSL_TRY : CURLUSESSL_ALL)) == CURLE_OK;
    ok = ok && curl_easy_setopt(curl, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2) == CURLE_OK;
    if (conf->ca_file[0] != '\0')
        ok = ok && curl_easy_setopt(curl, CURLOPT_CAINFO, conf->ca_file) == CURLE_OK &&
             curl_easy_setopt(curl, CURLOPT_CAPATH, NULL) == CURLE_OK;
    if (conf->user[0] != '\0')
        ok = ok && curl_easy_setopt(curl, CURLOPT_USERNAME, conf->user) == CURLE_OK &&
             curl_easy_setopt(curl, CURLOPT_PASSWORD, mail->password) == CURLE_OK;
    ok = ok && curl_easy_setopt(curl, CURLOPT_MAIL_FROM, mail->from) == CURLE_OK;
    ok = ok && curl_easy_setopt(curl, CURLOPT_MAIL_RCPT, mail->recipients) == CURLE_OK;
    ok = ok && curl_easy_setopt(curl, CURLOPT_UPLOAD, 1L) == CURLE_OK;
    ok = ok && curl_easy_setopt(curl, CURLOPT_READFUNCTION, give) == CURLE_OK;
    ok = ok && curl_easy_setopt(curl, CURLOPT_READDATA, mail) == CURLE_OK;
    ok = ok && curl_easy_setopt(curl, CURLOPT_HEADERFUNCTION, take_answer) == CURLE_OK;
    ok = ok && curl_easy_setopt(curl, CURLOPT_HEADERDATA, mail) == CURLE_OK;
    ok = ok && curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, take_answer) == CURLE_OK;
    ok = ok && curl_easy_setopt(curl, CURLOPT_WRITEDATA, mail) == CURLE_OK;
    ok = ok && curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, (long)mail->timeout_ms) == CURLE_OK;
    ok = ok && curl_easy_setopt(curl, CURLOPT_NOPROGRESS, 0L) == CURLE_OK;
    ok = ok && curl_easy_setopt(curl, CURLOPT_XFERINFOFUNCTION, look) == CURLE_OK;
    return ok && curl_easy_setopt(curl, CURLOPT_XFERINFODATA, mail) == CURLE_OK;
}

static enum err_code read_all(struct mail *mail, const struct chanconf *conf, struct err *why)
{
    enum err_code code = read_server(mail, conf, why);
    if (code == ERR_OK && !mime_address(conf->from))
        code = err_set(why, ERR_CONFIG, "from: '%s' is no mail address", conf->from);
    if (code == ERR_OK)
        code = read_recipients(mail, conf->to, why);
    if (code == ERR_OK && (conf->user[0] == '\0') != (conf->password_file[0] == '\0'))
        code = err_set(why, ERR_CONFIG, "password_file: it goes with user, and neither alone");
    if (code == ERR_OK && conf->user[0] != '\0' && conf->cleartext)
        code = err_set(why, ERR_CONFIG, "cleartext: a password does not go out without TLS");
    if (code == ERR_OK && conf->password_file[0] != '\0')
        code = secretfile_read("password_file", conf->password_file, &mail->password, why);
    if (code == ERR_OK && conf->ca_file[0] != '\0' && access(conf->ca_file, R_OK) != 0)
        code = err_set(why, ERR_CONFIG, "ca_file: %s: it can not be read", conf->ca_file);
    return code;
}

enum err_code send_mail_new(const struct chanconf *conf, struct channel **channel, struct err *why)
{
    *channel = NULL;
    must(curl_global_init(CURL_GLOBAL_DEFAULT) == CURLE_OK);
    struct mail *mail = calloc(1, sizeof *mail);
    must(mail != NULL);
    (void)snprintf(mail->name, sizeof mail->name, "%s", conf->name);
    mail->timeout_ms = 1000 * (conf->timeout_s > 0 ? conf->timeout_s : TIMEOUT_S);
    mail->channel = (struct channel){.ops = &ops, .name = mail->name, .send_ms_max = mail->timeout_ms + 2000};
    mail->from = strdup(conf->from);
    must(mail->from != NULL);
    enum err_code code = read_all(mail, conf, why);
    mail->curl = code == ERR_OK ? curl_easy_init() : NULL;
    if (code == ERR_OK && (mail->curl == NULL || !set_up(mail, conf)))
        code = err_set(why, ERR_MEMORY, "%s: no memory", mail->where);
    if (code != ERR_OK)
        destroy(&mail->channel);
    else
        *channel = &mail->channel;
    return code;
}

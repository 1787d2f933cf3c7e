#include "base/chanconf.h"

#include <stdlib.h>

#include "base/text.h"

enum type { TYPE_STR, TYPE_BOOL, TYPE_INT };

static const struct row {
    const char *key;
    enum type type;
    const char *kinds;
    const char *preset;
    int64_t min;
    int64_t max;
    const char *sentence;
    size_t at;
} rows[CHANCONF_KEY_COUNT] = {
#define CHAN_KEY(key, type, kinds, preset, min, max, sentence)                                               \
    {#key, TYPE_##type, kinds, preset, min, max, sentence, offsetof(struct chanconf, key)},
#include "base/chanconf.def"
};

static const char *const kinds_known[] = {"stdout", "hook", "webhook", "mail", "syslog", NULL};
static const char *const severities[] = {"info", "low", "high", "critical", NULL};
static const char *const presets[] = {"generic", "slack", "teams", "pagerduty", NULL};

const char *chanconf_key_name(enum chanconf_key key)
{
    must((unsigned)key < CHANCONF_KEY_COUNT);
    return rows[key].key;
}

static void *member(struct chanconf *conf, size_t key)
{
    return (char *)conf + rows[key].at;
}

static const void *member_of(const struct chanconf *conf, size_t key)
{
    return (const char *)conf + rows[key].at;
}

static bool one_of(const char *text, const char *const *words)
{
    for (; *words != NULL; words++)
        if (strcmp(text, *words) == 0)
            return true;
    return false;
}

/* Is `kind` among the blank-parted words of the row? */
static bool has_kind(const struct row *row, const char *kind)
{
    size_t len = strlen(kind);
    for (const char *at = strstr(row->kinds, kind); at != NULL; at = strstr(at + 1, kind))
        if ((at == row->kinds || at[-1] == ' ') && (at[len] == ' ' || at[len] == '\0'))
            return true;
    return row->kinds[0] == '\0';
}

static enum err_code refuse(size_t key, const char *text, const char *allowed, struct err *why)
{
    char visible[80];
    return err_set(why, ERR_CONFIG, "%s: '%s' is not allowed, but %s", rows[key].key,
                   text_visible_str(span_str(text), visible, sizeof visible), allowed);
}

static enum err_code read_int(void *at, size_t key, const char *text, struct err *why)
{
    int64_t value;
    char allowed[96];
    if (text_int(span_str(text), &value) && value >= rows[key].min && value <= rows[key].max) {
        *(int64_t *)at = value;
        return ERR_OK;
    }
    (void)snprintf(allowed, sizeof allowed, "a whole number from %" PRId64 " to %" PRId64, rows[key].min,
                   rows[key].max);
    return refuse(key, text, allowed, why);
}

static enum err_code read_bool(void *at, size_t key, const char *text, struct err *why)
{
    static const char *const yes[] = {"true", "yes", "on", NULL};
    static const char *const no[] = {"false", "no", "off", NULL};
    if (!one_of(text, yes) && !one_of(text, no))
        return refuse(key, text, "true or false", why);
    *(bool *)at = one_of(text, yes);
    return ERR_OK;
}

static bool name_fits(const char *text)
{
    size_t len = strlen(text);
    for (size_t i = 0; i < len; i++) {
        bool word = (text[i] >= 'a' && text[i] <= 'z') || (text[i] >= 'A' && text[i] <= 'Z') ||
                    (text[i] >= '0' && text[i] <= '9');
        if (!word && strchr("._-", text[i]) == NULL)
            return false;
    }
    return len > 0 && len <= CHANCONF_NAME_MAX;
}

/* Texts end up in header lines, environments and terminals. */
static bool has_control(const char *text)
{
    for (; *text != '\0'; text++)
        if ((unsigned char)*text < 0x20 || *text == 0x7f)
            return true;
    return false;
}

static enum err_code read_str(void *at, size_t key, const char *text, struct err *why)
{
    char allowed[80];
    if (has_control(text) || !text_is_utf8(span_str(text)))
        return refuse(key, text, "text without control characters", why);
    (void)snprintf(allowed, sizeof allowed, "1 to %d letters, digits, '.', '_' and '-'", CHANCONF_NAME_MAX);
    if ((key == CHANCONF_KEY_name || (key == CHANCONF_KEY_escalate_to && text[0] != '\0')) &&
        !name_fits(text))
        return refuse(key, text, allowed, why);
    if (key == CHANCONF_KEY_kind && !one_of(text, kinds_known))
        return refuse(key, text, "stdout, hook, webhook, mail or syslog", why);
    if (key == CHANCONF_KEY_severity && !one_of(text, severities))
        return refuse(key, text, "info, low, high or critical", why);
    if (key == CHANCONF_KEY_preset && !one_of(text, presets))
        return refuse(key, text, "generic, slack, teams or pagerduty", why);
    *(char **)at = strdup(text);
    must(*(char **)at != NULL);
    return ERR_OK;
}

static enum err_code read_all(const char *const texts[CHANCONF_KEY_COUNT], struct chanconf *conf,
                              enum chanconf_key *wrong, struct err *why)
{
    static enum err_code (*const readers[])(void *, size_t, const char *, struct err *) = {
        [TYPE_STR] = read_str, [TYPE_BOOL] = read_bool, [TYPE_INT] = read_int};
    for (size_t key = 0; key < CHANCONF_KEY_COUNT; key++) {
        const char *text = texts[key] != NULL ? texts[key] : rows[key].preset;
        *wrong = (enum chanconf_key)key;
        enum err_code code = readers[rows[key].type](member(conf, key), key, text, why);
        if (code != ERR_OK)
            return code;
    }
    for (size_t key = 0; key < CHANCONF_KEY_COUNT; key++) {
        *wrong = (enum chanconf_key)key;
        if (texts[key] != NULL && !has_kind(&rows[key], conf->kind))
            return err_set(why, ERR_CONFIG, "%s: a channel of kind %s has no such key", rows[key].key,
                           conf->kind);
    }
    *wrong = CHANCONF_KEY_escalate_to;
    if ((conf->escalate_min == 0) != (conf->escalate_to[0] == '\0'))
        return err_set(why, ERR_CONFIG, "escalate_to: it goes with escalate_min, and neither alone");
    if (strcmp(conf->escalate_to, conf->name) == 0)
        return err_set(why, ERR_CONFIG, "escalate_to: '%s' is the channel itself", conf->name);
    return ERR_OK;
}

enum err_code chanconf_read(const char *const texts[CHANCONF_KEY_COUNT], struct chanconf *conf,
                            enum chanconf_key *wrong, struct err *why)
{
    *conf = (struct chanconf){0};
    enum err_code code = read_all(texts, conf, wrong, why);
    if (code != ERR_OK)
        chanconf_free(conf);
    return code;
}

void chanconf_free(struct chanconf *conf)
{
    for (size_t key = 0; key < CHANCONF_KEY_COUNT; key++)
        if (rows[key].type == TYPE_STR)
            free(*(char **)member(conf, key));
    *conf = (struct chanconf){0};
}

/* The path of a webhook is its password at some services, and a user may be put before the host. */
static void put_url(const char *url, struct buf *out)
{
    const char *host = strstr(url, "://");
    if (host == NULL) {
        buf_str(out, url[0] == '\0' ? "" : "***");
        return;
    }
    host += 3;
    size_t len = strcspn(host, "/?#");
    const char *at = memrchr(host, '@', len);
    buf_put(out, span_of((const uint8_t *)url, (size_t)(host - url)));
    if (at != NULL) {
        buf_str(out, "***@");
        len -= (size_t)(at + 1 - host);
        host = at + 1;
    }
    buf_put(out, span_of((const uint8_t *)host, len));
    buf_str(out, host[len] == '\0' ? "" : "/***");
}

const char *chanconf_value_text(const struct chanconf *conf, enum chanconf_key key, char *out, size_t out_cap)
{
    const void *at = member_of(conf, key);
    struct buf text;
    buf_init(&text, 1u << 16);
    if (rows[key].type == TYPE_INT)
        buf_fmt(&text, "%" PRId64, *(const int64_t *)at);
    else if (rows[key].type == TYPE_BOOL)
        buf_str(&text, *(const bool *)at ? "true" : "false");
    else if (key == CHANCONF_KEY_url || key == CHANCONF_KEY_server)
        put_url(*(char *const *)at, &text);
    else
        buf_str(&text, *(char *const *)at);
    (void)text_visible_str(buf_span(&text), out, out_cap);
    buf_fini(&text);
    return out;
}

bool chanconf_preset(const struct chanconf *conf, enum chanconf_key key)
{
    char text[512];
    if (rows[key].type == TYPE_STR)
        return strcmp(*(char *const *)member_of(conf, key), rows[key].preset) == 0;
    return strcmp(chanconf_value_text(conf, key, text, sizeof text), rows[key].preset) == 0;
}

void chanconf_show(const struct chanconf *conf, struct buf *out)
{
    char text[512];
    for (size_t key = 0; key < CHANCONF_KEY_COUNT; key++) {
        const char *quote = rows[key].type == TYPE_STR ? "\"" : "";
        if (key != CHANCONF_KEY_name && !chanconf_preset(conf, (enum chanconf_key)key))
            buf_fmt(out, "channels[%s].%s = %s%s%s  (file)\n", conf->name, rows[key].key, quote,
                    chanconf_value_text(conf, (enum chanconf_key)key, text, sizeof text), quote);
    }
}

void chanconf_sample(struct buf *out)
{
    buf_str(out,
            "\n# Where else alerts go, and which ones: a list, several of a kind. Keys of its entries:\n");
    for (size_t key = 0; key < CHANCONF_KEY_COUNT; key++) {
        buf_fmt(out, "#   %s", rows[key].key);
        if (rows[key].kinds[0] != '\0')
            buf_fmt(out, " (%s)", rows[key].kinds);
        buf_fmt(out, ": %s", rows[key].sentence);
        if (rows[key].type == TYPE_INT)
            buf_fmt(out, " (%" PRId64 " to %" PRId64 ")", rows[key].min, rows[key].max);
        if (rows[key].preset[0] != '\0')
            buf_fmt(out, "; default %s", rows[key].preset);
        buf_byte(out, '\n');
    }
    buf_str(out, "#channels:\n"
                 "#  - name: soc\n#    kind: webhook\n#    url: https://soc.example.org/ctvigil\n"
                 "#    secret_file: /etc/ctvigil/soc.secret\n"
                 "#    escalate_min: 30\n#    escalate_to: pager\n"
                 "#  - name: pager\n#    kind: webhook\n#    preset: pagerduty\n"
                 "#    secret_file: /etc/ctvigil/pagerduty.key\n#    severity: critical\n"
                 "#  - name: team\n#    kind: mail\n#    server: smtp://mail.example.org:587\n"
                 "#    user: ctvigil\n#    password_file: /etc/ctvigil/mail.password\n"
                 "#    from: ctvigil@example.org\n#    to: security@example.org\n"
                 "#    digest: \"08:00\"\n#    time_zone: Europe/Berlin\n"
                 "#  - name: siem\n#    kind: syslog\n#    address: tls://siem.example.org:6514\n"
                 "channels: []\n");
}

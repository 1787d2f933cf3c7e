#include "cli/contact.h"

#include <stdio.h>

#include "base/say.h"
#include "ingest/listfetch.h"
#include "ingest/opkey.h"

/* Somebody before the @, and a domain with a dot in it behind that or behind https://. */
static bool contact_names_somebody(const char *text)
{
    const char *url = strstr(text, "https://");
    const char *at = strchr(text, '@');
    const char *host = url != NULL ? url + strlen("https://") : at != NULL && at != text ? at + 1 : "";
    const char *dot = strchr(host, '.');

    return dot != NULL && dot != host && dot[1] != '\0';
}

enum err_code contact_form(const struct conf *conf, struct err *why)
{
    const char *text = conf->ingest.contact;

    if (text[0] == '\0')
        return ERR_OK;
    for (const char *at = text; *at != '\0'; at++)
        if ((unsigned char)*at <= 0x20 || (unsigned char)*at >= 0x7f)
            return err_set(why, ERR_CONFIG,
                           "ingest.contact: it holds white space or bytes that no header may");
    if (strlen(text) > 200)
        return err_set(why, ERR_CONFIG, "ingest.contact: longer than 200 bytes");
    if (strstr(text, "example.com") != NULL)
        return err_set(
            why, ERR_CONFIG,
            "ingest.contact: it holds \"example.com\", and Skylight, which serves many logs, takes everybody"
            " whose User-Agent holds these letters for anonymous; give an address or a page of your own");
    if (!contact_names_somebody(text))
        return err_set(why, ERR_CONFIG,
                       "ingest.contact: '%s' is neither a mail address nor an https:// URL; operators of logs"
                       " treat that as anonymous",
                       text);
    return ERR_OK;
}

enum err_code contact_need(const struct conf *conf, const char *url, struct err *why)
{
    enum err_code code = contact_form(conf, why);

    if (code != ERR_OK || contact_allows(conf, url))
        return code;
    return err_set(
        why, ERR_CONFIG,
        "ingest.contact is not set: operators of CT logs want to be able to reach who reads them, and"
        " serve anonymous readers last; set it to your mail address or an https:// page of yours,"
        " for example CTVIGIL_INGEST_CONTACT=you@your.domain");
}

enum err_code contact_list(const struct conf *conf, const char *named, struct err *why)
{
    struct listfetch_source source;
    enum err_code code = contact_form(conf, why);

    if (code != ERR_OK || named == NULL)
        return code;
    code = listfetch_source(named, conf->ingest.log_list_key, &source, why);
    return code != ERR_OK || source.file ? code : contact_need(conf, source.place, why);
}

bool contact_allows(const struct conf *conf, const char *url)
{
    return conf->ingest.contact[0] != '\0' || opkey_is_loopback(url);
}

const char *contact_missing(void)
{
    return "not asked, because ingest.contact is not set: set it to your mail address or an https:// page of"
           " yours";
}

void contact_say(const char *name, size_t count, size_t *said)
{
    if (count != 0 && count != *said)
        say_warn("contact",
                 "logs=%zu first=%s %s, for example CTVIGIL_INGEST_CONTACT=you@your.domain; the logs of this"
                 " machine go on",
                 count, name, contact_missing());
    *said = count;
}

size_t contact_keep(const struct conf *conf, struct ctlog *logs, size_t count, size_t *said)
{
    char first[CTLOG_NAME_MAX] = "";
    size_t kept = 0;

    for (size_t i = 0; i < count; i++) {
        if (contact_allows(conf, logs[i].url))
            logs[kept++] = logs[i];
        else if (first[0] == '\0')
            (void)snprintf(first, sizeof first, "%s", logs[i].name);
    }
    contact_say(first, count - kept, said);
    return kept;
}

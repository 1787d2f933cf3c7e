#include "cli/contact.h"

#include "ingest/listfetch.h"
#include "ingest/opkey.h"

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
            "ingest.contact: operators of logs take example.com for no contact at all; give your own");
    if (strchr(text, '@') == NULL && strstr(text, "https://") == NULL)
        return err_set(why, ERR_CONFIG,
                       "ingest.contact: '%s' is neither a mail address nor an https:// URL; operators of logs"
                       " treat that as anonymous",
                       text);
    return ERR_OK;
}

enum err_code contact_need(const struct conf *conf, const char *url, struct err *why)
{
    enum err_code code = contact_form(conf, why);

    if (code != ERR_OK || conf->ingest.contact[0] != '\0' || opkey_is_loopback(url))
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

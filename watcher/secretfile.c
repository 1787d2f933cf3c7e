#include "watcher/secretfile.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/limits.h"

enum err_code secretfile_read(const char *key, const char *path, char **secret, struct err *why)
{
    char text[LIMIT_SECRET_BYTES + 2];
    *secret = NULL;
    FILE *file = fopen(path, "rbe");
    if (file == NULL)
        return err_set(why, ERR_CONFIG, "%s: %s: %s", key, path, strerror(errno));
    size_t len = fread(text, 1, sizeof text - 1, file);
    bool failed = ferror(file) != 0;
    (void)fclose(file);
    if (failed)
        return err_set(why, ERR_CONFIG, "%s: %s: it can not be read", key, path);
    text[len] = '\0';
    bool too_long = len > LIMIT_SECRET_BYTES;
    len = strcspn(text, "\r\n");
    while (len != 0 && (text[len - 1] == ' ' || text[len - 1] == '\t'))
        len--;
    text[len] = '\0';
    if (len == 0 || too_long)
        return err_set(why, ERR_CONFIG, "%s: %s: %s", key, path,
                       too_long ? "it is too long for a secret" : "its first line is empty");
    *secret = strdup(text);
    must(*secret != NULL);
    return ERR_OK;
}

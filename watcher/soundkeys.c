#include "watcher/soundkeys.h"

#include <pthread.h>

#include "base/limits.h"

/* Held for the time of a comparison. */
static pthread_mutex_t guard = PTHREAD_MUTEX_INITIALIZER;
static uint8_t keys[LIMIT_SOUND_KEYS][32];

static uint8_t *place_of(const uint8_t sha256[32])
{
    return keys[((size_t)sha256[0] << 8 | sha256[1]) % LIMIT_SOUND_KEYS];
}

static bool is_hashed(const uint8_t sha256[32])
{
    static const uint8_t none[32];
    return memcmp(sha256, none, sizeof none) != 0;
}

bool soundkeys_has(const uint8_t sha256[32])
{
    must(pthread_mutex_lock(&guard) == 0);
    bool has = is_hashed(sha256) && memcmp(place_of(sha256), sha256, 32) == 0;
    must(pthread_mutex_unlock(&guard) == 0);
    return has;
}

void soundkeys_add(const uint8_t sha256[32])
{
    if (!is_hashed(sha256))
        return;
    must(pthread_mutex_lock(&guard) == 0);
    memcpy(place_of(sha256), sha256, 32);
    must(pthread_mutex_unlock(&guard) == 0);
}

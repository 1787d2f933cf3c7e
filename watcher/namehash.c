#include "watcher/namehash.h"

#define ALL  UINT64_MAX
#define M(n) (UINT64_MAX << (64 - 8 * (n)))

const uint64_t namehash_mask[NAMEHASH_TAIL + 1][4] = {
    {0, 0, 0, 0},          {0, 0, 0, M(1)},       {0, 0, 0, M(2)},       {0, 0, 0, M(3)},
    {0, 0, 0, M(4)},       {0, 0, 0, M(5)},       {0, 0, 0, M(6)},       {0, 0, 0, M(7)},
    {0, 0, 0, ALL},        {0, 0, M(1), ALL},     {0, 0, M(2), ALL},     {0, 0, M(3), ALL},
    {0, 0, M(4), ALL},     {0, 0, M(5), ALL},     {0, 0, M(6), ALL},     {0, 0, M(7), ALL},
    {0, 0, ALL, ALL},      {0, M(1), ALL, ALL},   {0, M(2), ALL, ALL},   {0, M(3), ALL, ALL},
    {0, M(4), ALL, ALL},   {0, M(5), ALL, ALL},   {0, M(6), ALL, ALL},   {0, M(7), ALL, ALL},
    {0, ALL, ALL, ALL},    {M(1), ALL, ALL, ALL}, {M(2), ALL, ALL, ALL}, {M(3), ALL, ALL, ALL},
    {M(4), ALL, ALL, ALL}, {M(5), ALL, ALL, ALL}, {M(6), ALL, ALL, ALL}, {M(7), ALL, ALL, ALL},
    {ALL, ALL, ALL, ALL},
};

uint64_t namehash_front(const struct namehash_key *key, struct span front)
{
    uint64_t hash = key->word[1];
    size_t at = 0;
    for (; front.len - at >= 8; at += 8)
        hash = namehash_fold(hash ^ namehash_load(front.at + at), key->word[0] ^ hash);
    return namehash_fold(hash ^ namehash_load_few(front.at + at, front.len - at), key->word[2] ^ hash);
}

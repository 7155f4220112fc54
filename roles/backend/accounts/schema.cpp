#include "roles/backend/accounts/schema.h"

namespace babilu::backend {

namespace {

constexpr store::Migration migrations[] = {{1, R"(
create table account (
  id integer primary key,               -- random, positive
  name text not null unique,
  password text not null,               -- Argon2id, PHC string
  signing_key blob not null,            -- Ed25519 public key
  sealed_signing_seed blob not null,    -- see Deployment::seal_key
  created integer not null,
  failures integer not null default 0,  -- logins that failed since the last that did not
  locked_until integer not null default 0
) strict;

create table account_key (
  account integer not null references account (id),
  version integer not null,
  sealed blob not null,                 -- see Deployment::seal_key
  leased integer not null default 0,    -- uses handed out to backends, in blocks
  created integer not null,
  primary key (account, version)
) strict, without rowid;
)"},
                                           {2, R"(
-- account.failures and account.locked_until are of the addresses that the account has never logged
-- in from, all together.
alter table account add column failing_since integer not null default 0;

create table account_address (
  account integer not null references account (id) on delete cascade,
  address blob not null,                  -- see Deployment::address_digest
  failures integer not null default 0,    -- logins that failed since the last that did not
  locked_until integer not null default 0,
  logged_in integer not null default 0,   -- the last time; 0: never
  seen integer not null,
  primary key (account, address)
) strict, without rowid;
)"}};

}  // namespace

const store::Schema account_schema{"account", migrations};

}  // namespace babilu::backend

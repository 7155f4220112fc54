#include "roles/peer/schema.h"

namespace babilu::peer {

namespace {

// A forgotten contact stays, with what was said, but its name and its key are free again.
constexpr std::string_view tables = R"sql(
create table profile (
  id integer primary key check (id = 1),
  name text not null,
  seed blob not null,
  created integer not null
) strict;

create table contact (
  id integer primary key,
  name text not null,
  public_key blob not null,
  first_seen integer not null,
  address text not null default '',
  received_bytes integer not null default 0,
  forgotten integer
) strict;
create unique index contact_name on contact (name) where forgotten is null;
create unique index contact_key on contact (public_key) where forgotten is null;

create table message (
  number integer primary key,
  contact integer not null references contact,
  outgoing integer not null,
  message_id blob not null,
  text text not null,
  sent_at integer not null,
  kept_at integer not null,
  state integer not null
) strict;
create unique index message_identity on message (contact, outgoing, message_id);
create index message_history on message (contact, number);
create index message_pending on message (contact, number) where state = 1;
)sql";

// Who has only ever come by themselves is a stranger; received_bytes is what all have used up.
constexpr std::string_view strangers = R"sql(
alter table contact add column accepted integer not null default 0;
update contact set accepted = 1 where address <> ''
  or exists (select 1 from message m where m.contact = contact.id and m.outgoing = 1);
create index contact_stranger on contact (id) where accepted = 0 and forgotten is null;
alter table profile add column received_bytes integer not null default 0;
update profile set received_bytes = (select coalesce(sum(received_bytes), 0) from contact);
)sql";

constexpr store::Migration migrations[] = {{1, tables}, {2, strangers}};

}  // namespace

const store::Schema profile_schema{"peer", migrations};

}  // namespace babilu::peer

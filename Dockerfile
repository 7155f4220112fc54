# The program `babilu` on Debian 13, from packages alone. Two stages: one that builds, one that runs.
FROM debian:trixie-slim AS build
WORKDIR /babilu
# Packages first: they change less often than the code.
COPY tools/dev tools/
COPY tools/dev.d tools/dev.d
RUN tools/dev setup
COPY . .
RUN tools/dev build release babilu \
 && strip -o /usr/local/bin/babilu build/release/babilu \
 # The packages that hold the libraries which the program is linked with.
 && ldd /usr/local/bin/babilu | awk '$3 ~ /^\// {print $3}' | xargs -n1 readlink -f \
    | xargs -n1 basename | xargs -I{} dpkg -S '*/{}' | cut -d: -f1 | sort -u > /runtime-packages

FROM debian:trixie-slim
COPY --from=build /runtime-packages /usr/local/share/babilu/runtime-packages
RUN apt-get update -qq \
 && xargs apt-get install -qq -y --no-install-recommends < /usr/local/share/babilu/runtime-packages \
 && rm -rf /var/lib/apt/lists/*
# A volume that is mounted on one of these directories begins as its copy, owner and mode included.
RUN useradd --uid 10001 --home-dir /nonexistent --shell /usr/sbin/nologin babilu \
 && install -d -o babilu -g babilu -m 0700 /authority /credentials /admin /data \
      /shared /shared/proxy /shared/backend /shared/client /shared/admin \
      /shared/admin/proxy /shared/admin/backend-a /shared/admin/backend-b
COPY --from=build /usr/local/bin/babilu /usr/local/bin/babilu
COPY tools/container/ /usr/local/bin/
USER babilu
WORKDIR /data
ENTRYPOINT ["babilu"]

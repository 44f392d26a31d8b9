# Both images, and a third to look into them with:
#
#	docker build --build-arg ROLE=responder|front|debug .
#
# `make images` does it, and `make base-image` makes BASE where it cannot be
# pulled.  An image holds its programs, the libraries and files that these read,
# and all their licences; no shell.  The same input gives the same layers: what
# Debian's archive has at the time is part of the input.
ARG BASE=debian:13-slim
ARG ROLE=responder

# --- the programs -------------------------------------------------------------

FROM ${BASE} AS build
RUN apt-get update && \
	DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends \
		gcc libc6-dev make libfcgi-dev libjson-c-dev liblmdb-dev libseccomp-dev \
		libxxhash-dev nginx
WORKDIR /src
COPY Makefile ./
COPY fcgi fcgi
RUN make WERROR=1 && strip build/markbook
COPY conf conf
COPY web web
COPY LICENSE ./
ARG SOURCE_DATE_EPOCH=1577836800
RUN conf/image-root.sh /image $SOURCE_DATE_EPOCH

# --- the responder ------------------------------------------------------------

FROM scratch AS responder
COPY --from=build /image/responder /
LABEL org.opencontainers.image.title="Markbook responder" \
	org.opencontainers.image.description="Serves small JSON collections over FastCGI"
# As root, or without the same declaration in both images, Fargate would give
# the volume to root.
VOLUME /run/markbook
USER 10001:10001
STOPSIGNAL SIGTERM
ENTRYPOINT ["/usr/bin/markbook"]
CMD ["serve"]

# --- the front ----------------------------------------------------------------

FROM scratch AS front
COPY --from=build /image/front /
LABEL org.opencontainers.image.title="Markbook front" \
	org.opencontainers.image.description="nginx in front of the Markbook responder"
VOLUME /run/markbook
USER 10001:10001
EXPOSE 8080
# At SIGTERM nginx breaks off the requests that it has.
STOPSIGNAL SIGQUIT
ENTRYPOINT ["/usr/sbin/nginx"]
CMD ["-e", "stderr", "-p", "/usr/share/markbook", "-c", "conf/nginx.conf", "-g", "daemon off;"]

# --- a look inside ------------------------------------------------------------

# docker run --rm -it --pid container:NAME --network container:NAME
# --volumes-from NAME markbook-debug
FROM build AS debug
RUN DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends \
		curl iproute2 jq procps strace && \
	cp build/markbook /usr/bin/
LABEL org.opencontainers.image.title="Markbook debug" \
	org.opencontainers.image.description="A shell and tools beside the two others"
CMD ["bash"]

# --- the one that was asked for -----------------------------------------------

FROM ${ROLE}
ARG VERSION=unknown
LABEL org.opencontainers.image.version="${VERSION}" \
	org.opencontainers.image.licenses="BSD-2-Clause"

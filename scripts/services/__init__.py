"""Throw-away services from Debian packages: PostgreSQL, RabbitMQ and Ceph RGW on free loopback ports.

For tests, fault injection and trying things by hand. Each lies in one folder, runs in a process group of
its own, can be killed and started again on what it left, and ends with the process that started it.
"""

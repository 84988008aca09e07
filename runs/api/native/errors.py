"""Errors that only this door has."""

from rest_framework.exceptions import APIException


class TooLarge(APIException):
    status_code = 413
    default_code = "too_large"


class ServiceDown(APIException):
    status_code = 503
    default_code = "unavailable"
    default_detail = "The database does not answer. Try again in a moment."

package django_test

// Written by Django 3.2 (django.core.signing.dumps) with the key "benchmark" at 1700000000.
var benchCookies = map[string]string{
	"plain":    "eyJfYXV0aF91c2VyX2lkIjoiNDIiLCJfYXV0aF91c2VyX2JhY2tlbmQiOiJkamFuZ28uY29udHJpYi5hdXRoLmJhY2tlbmRzLk1vZGVsQmFja2VuZCIsIl9hdXRoX3VzZXJfaGFzaCI6ImZmZmZmZmZmZmZmZmZmZmZmZmZmMDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWYwYTFiMmMzZDRlNWYiLCJfY3NyZnRva2VuIjoia0FKSFNEa2poYXNrZGpoNzg2OEFTREtKSGFza2RqaEFTS0pESGtqaGFzZDc2ODcyYWhzZCIsImNhcnQiOnsiMTciOnsicXR5IjoyLCJwcmljZSI6IjE5LjkwIn0sIjIzIjp7InF0eSI6MSwicHJpY2UiOiI1LjAwIn19LCJsYW5nIjoiZGUiLCJzZWVuIjpbNCw4LDE1LDE2LDIzLDQyXX0:1r31eq:Vj20LaVJS-W3Oj_Fq6YSE9n-VCUpQFArK7Ffi81gR6k",
	"deflated": ".eJxtkE1vhCAQQP_LnAkRREFvNh6Mmz15bBqDgIu60S64h2az_73QbvqRlsMkM294M5kb9PK62_7qjesnDSUwCuhncZBqMWskepbracNqW3c3DTi24Af1-Lhpc3569P4SWOlt-D3-8xJCU5blXBRyUNr8zSUZqEo1M9kYpcq7cd_CiOBbqrbp6mUO-kXPlotcVF19aJvPvOoObd18YM1zwam0Pi6mpNuhvAHhMV72Nygpglc3KROkpMBFAncENP3C5BtnOAk04HO4RLyICUZv4j7PDAlEMkRyRFPE6Mv9HTX6bZw:1r31eq:VbiI7Yzf1bKt0fKn5xyp8LsPucBw5dxkwbZYbCLx6Io",
}

// benchPickle is the same session, pickled by Python 3.11 (protocol 5).
const benchPickle = "\x80\x05\x95Y\x01\x00\x00\x00\x00\x00\x00}\x94(\x8c\x0d_auth_user_id\x94\x8c\x0242\x94\x8c\x12_auth_user_backend\x94\x8c)django.contrib.auth.backends.ModelBackend\x94\x8c\x0f_auth_user_hash\x94\x8c@ffffffffffffffffffff0123456789abcdef0123456789abcdef0a1b2c3d4e5f\x94\x8c\x0a_csrftoken\x94\x8c4kAJHSDkjhaskdjh7868ASDKJHaskdjhASKJDHkjhasd76872ahsd\x94\x8c\x04cart\x94}\x94(\x8c\x0217\x94}\x94(\x8c\x03qty\x94K\x02\x8c\x05price\x94\x8c\x0519.90\x94u\x8c\x0223\x94}\x94(h\x0dK\x01h\x0e\x8c\x045.00\x94uu\x8c\x04lang\x94\x8c\x02de\x94\x8c\x04seen\x94]\x94(K\x04K\x08K\x0fK\x10K\x17K*eu."

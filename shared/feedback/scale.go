package feedback

// agreements are the option ids of YesPartlyNo, in the order shown.
var agreements = []string{"yes", "partly", "no", "none"}

// Agreements are the options of a YesPartlyNo question, in the order shown.
func Agreements() []Option {
	return []Option{
		{ID: "yes", Text: Text{Vietnamese: "Có", English: "Yes", Korean: "예", Chinese: "是"}},
		{ID: "partly", Text: Text{Vietnamese: "Một phần", English: "Partly", Korean: "부분적으로", Chinese: "部分"}},
		{ID: "no", Text: Text{Vietnamese: "Không", English: "No", Korean: "아니요", Chinese: "否"}},
		{ID: "none", Text: Text{Vietnamese: "Không có ý kiến", English: "No opinion", Korean: "의견 없음", Chinese: "无意见"}},
	}
}

// ScoreText is the word that stands beside the face of a score, 1…5.
func ScoreText(score int) Text {
	switch score {
	case 1:
		return Text{Vietnamese: "Rất không hài lòng", English: "Very dissatisfied", Korean: "매우 불만족", Chinese: "非常不满意"}
	case 2:
		return Text{Vietnamese: "Không hài lòng", English: "Dissatisfied", Korean: "불만족", Chinese: "不满意"}
	case 3:
		return Text{Vietnamese: "Bình thường", English: "Neutral", Korean: "보통", Chinese: "一般"}
	case 4:
		return Text{Vietnamese: "Hài lòng", English: "Satisfied", Korean: "만족", Chinese: "满意"}
	case 5:
		return Text{Vietnamese: "Rất hài lòng", English: "Very satisfied", Korean: "매우 만족", Chinese: "非常满意"}
	}
	return nil
}
